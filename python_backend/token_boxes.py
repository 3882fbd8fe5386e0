"""Tokens with the boxes of their words, for models that look where a word stands: LayoutLMv3 and LiLT. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from PIL import Image

from python_backend import ocr
from python_backend.parameters import InvalidInput
from python_backend.stage import Tensors
from python_backend.text import Tokenizer

Box = Sequence[int]


def labels_tokens(config: dict[str, Any]) -> bool:
    """Whether a checkpoint's config.json is that of a model that labels tokens."""
    return any(name.endswith("ForTokenClassification") for name in config.get("architectures") or ())


class TokenBoxes:
    """The box of each token, as LayoutLMv3's tokenizer and its kin give it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.special = {
            tokenizer.token_id(f"{name}_token"): tokenizer.config.get(f"{name}_token_box", [0, 0, 0, 0])
            for name in ("pad", "sep", "cls")
        }
        self.question: Box = tokenizer.config.get("pad_token_box", [0, 0, 0, 0])

    def __call__(self, encoding: tokenizers.Encoding, boxes: Sequence[Box], sequence: int = 0) -> np.ndarray:
        """[length, 4] INT64.

        Args:
            boxes: of the words, which are the text number `sequence` of the pair.
        """
        bbox = np.zeros((len(encoding), 4), np.int64)
        for at, (token, word, text) in enumerate(
            zip(encoding.ids, encoding.word_ids, encoding.sequence_ids, strict=True)
        ):
            if word is None:
                bbox[at] = self.special[token]
            else:
                bbox[at] = boxes[word] if text == sequence else self.question
        return bbox


class WordReader:
    """Pictures to token ids with the box of each token's word. Tesseract reads the words as the checkpoint's image
    processor says."""

    def __init__(self, folder: Path, processor: Any) -> None:
        self.processor = processor
        self.tokenizer = Tokenizer(folder)
        self.boxes = TokenBoxes(self.tokenizer)

    def __call__(self, pictures: Sequence[Image.Image]) -> Tensors:
        """input_ids and attention_mask [pictures, tokens] and bbox [pictures, tokens, 4] INT64: left, top, right and
        bottom in thousandths of the picture."""
        found = [ocr.read(picture, self.processor.ocr_lang, self.processor.tesseract_config) for picture in pictures]
        encodings = self.tokenizer.backend.encode_batch([words for words, _ in found], is_pretokenized=True)
        longest = max(map(len, encodings))
        if longest > self.tokenizer.max_tokens:
            raise InvalidInput(
                f"The picture has {longest:,} tokens of text; the model takes {self.tokenizer.max_tokens:,}. Cut it "
                "into pieces."
            )
        tensors = self.tokenizer.tensors(encodings)
        bbox = np.zeros((*tensors["input_ids"].shape, 4), np.int64)
        for row, (encoding, (_, boxes)) in enumerate(zip(encodings, found, strict=True)):
            bbox[row, : len(encoding)] = self.boxes(encoding, boxes)
        return {"input_ids": tensors["input_ids"], "attention_mask": tensors["attention_mask"], "bbox": bbox}
