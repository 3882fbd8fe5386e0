"""Words of a picture with their boxes, for models that label tokens by where they stand: LayoutLMv3 and LiLT. No torch.

Tesseract reads the words, through the checkpoint's image processor, as in the pipelines.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from python_backend.parameters import InvalidInput
from python_backend.stage import Tensors
from python_backend.text import Tokenizer

REMEDY = "Tesseract is not installed where the server runs: apt install tesseract-ocr"


def labels_tokens(config: dict[str, Any]) -> bool:
    """Whether a checkpoint's config.json is that of a model that labels tokens."""
    return any(name.endswith("ForTokenClassification") for name in config.get("architectures") or ())


class WordReader:
    """Pictures to token ids with the box of each token's word."""

    def __init__(self, folder: Path, processor: Any) -> None:
        self.processor = processor
        self.tokenizer = Tokenizer(folder)
        config = self.tokenizer.config
        self.special_boxes = {
            self.tokenizer.token_id(f"{name}_token"): config.get(f"{name}_token_box", [0, 0, 0, 0])
            for name in ("cls", "sep", "pad")
        }

    def __call__(self, pictures: Sequence[Image.Image]) -> Tensors:
        """input_ids and attention_mask [pictures, tokens] and bbox [pictures, tokens, 4] INT64: left, top, right and
        bottom in thousandths of the picture."""
        if shutil.which("tesseract") is None:
            raise RuntimeError(REMEDY)
        made = self.processor(images=list(pictures), return_tensors="np")
        encodings = self.tokenizer.backend.encode_batch(made["words"], is_pretokenized=True)
        longest = max(map(len, encodings))
        if longest > self.tokenizer.max_tokens:
            raise InvalidInput(
                f"The picture has {longest:,} tokens of text; the model takes {self.tokenizer.max_tokens:,}. Cut it "
                "into pieces."
            )
        tensors = self.tokenizer.tensors(encodings)
        bbox = np.zeros((*tensors["input_ids"].shape, 4), np.int64)
        for row, (encoding, boxes) in enumerate(zip(encodings, made["boxes"], strict=True)):
            for at, (token, word) in enumerate(zip(encoding.ids, encoding.word_ids, strict=True)):
                bbox[row, at] = self.special_boxes[token] if word is None else boxes[word]
        return {"input_ids": tensors["input_ids"], "attention_mask": tensors["attention_mask"], "bbox": bbox}
