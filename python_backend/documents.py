"""Documents: words with the boxes where they stand, to the tokens that LayoutLM and LayoutLMv3 read. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tokenizers

from python_backend import text
from python_backend.batching import grouped, pad
from python_backend.checkpoint import read_json
from python_backend.parameters import InvalidInput
from python_backend.spans import numbers, outside
from python_backend.stage import Request, Tensors
from python_backend.token_boxes import Box, TokenBoxes

LAYOUTLM, LAYOUTLMV3, DONUT = "layoutlm", "layoutlmv3", "donut"


def kind_of(folder: Path) -> str:
    """Which of the three a checkpoint is. ValueError for any other."""
    config = read_json(folder, "config.json")
    model_type = config.get("model_type")
    if model_type in (LAYOUTLM, LAYOUTLMV3):
        return str(model_type)
    if model_type == "vision-encoder-decoder" and config.get("encoder", {}).get("model_type") == "donut-swin":
        return DONUT
    raise ValueError(
        "document-question-answering serves LayoutLM, LayoutLMv3 and Donut (a vision-encoder-decoder whose encoder is "
        f"a donut-swin); the checkpoint is a {model_type}."
    )


class Document(NamedTuple):
    """What LayoutLM and LayoutLMv3 find the answer in."""

    words: list[str]
    boxes: Sequence[Box]
    """Of each word: left, top, right and bottom in thousandths of the page."""


class Limits(NamedTuple):
    """What a deployment takes."""

    text_bytes: int
    """Of one question, or of all words of a document."""
    rows: int
    """Of one request."""
    answers: int
    """Of one question: rows times top_k."""


class DocumentTokenizer:
    """Questions and documents to the tensors of a checkpoint's forward pass, and of its postprocessor."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.limits = limits
        self.kind = kind_of(folder)
        self.tokenizer = text.Tokenizer(folder)
        self.tokenizer.has_token_types = True  # the pipeline asks for them, whatever the checkpoint says
        self.cls_id = self.tokenizer.token_id("cls_token")
        self.sep_id = self.tokenizer.token_id("sep_token")
        self.token_boxes = TokenBoxes(self.tokenizer)
        self.largest = read_json(folder, "config.json").get("max_2d_position_embeddings", 1024) - 1

    def sent(self, request: Request) -> list[Document] | None:
        """The words of each row that the caller sends; None where Tesseract is to read them."""
        words, boxes = request.tensors.get("WORDS"), request.tensors.get("BOXES")
        if words is None and boxes is None:
            return None
        if words is None or boxes is None or boxes.shape[1] != words.shape[1]:
            counts = ["none" if each is None else f"{each.shape[1]:,}" for each in (words, boxes)]
            raise InvalidInput(f"WORDS and BOXES go together, a box for each word; sent were {' and '.join(counts)}.")
        return [self.document(row.tolist(), corners) for row, corners in zip(words, boxes, strict=True)]

    def document(self, words: list[bytes], boxes: np.ndarray) -> Document:
        while words and not words[-1]:
            words.pop()
        if (size := len(b" ".join(words))) > self.limits.text_bytes:
            raise InvalidInput(
                f"WORDS has {size:,} bytes in a row; this deployment takes {self.limits.text_bytes:,} (max_text_bytes)."
            )
        boxes = boxes[: len(words)]
        wrong = ((boxes < 0) | (boxes > self.largest)).any(axis=1)
        if self.kind == LAYOUTLM:  # LayoutLMv3 cuts such sizes off
            wrong |= (boxes[:, :2] > boxes[:, 2:]).any(axis=1)
        if wrong.any():
            at = int(wrong.argmax())
            raise InvalidInput(
                f"BOXES[{at}] is {boxes[at].tolist()}; a box is left, top, right and bottom in thousandths of a page, "
                "0 to 1000."
            )
        return Document([text.decode(word, "WORDS", self.limits.text_bytes) for word in words], boxes.tolist())

    def __call__(self, questions: list[str], documents: list[Document], parameters: dict[str, Any]) -> Tensors:
        """input_ids, attention_mask, token_type_ids and word_ids [batch, rows, length], bbox [..., 4] and p_mask, one
        row a chunk of the words; and words [batch, n].

        Args:
            parameters: max_seq_len, doc_stride, max_question_len and top_k of the task.
        """
        pairs = [
            (self.cut(question.split(), parameters["max_question_len"]), document.words)
            for question, document in zip(questions, documents, strict=True)
        ]
        limit, stride = self.chunk(parameters)
        uncut = self.tokenizer.backend.encode_batch(pairs, is_pretokenized=True)
        rows = [
            self.tokenizer.split(pair, encoding, limit, stride, self.limits.rows // len(pairs), sequence=1)
            for pair, encoding in zip(pairs, uncut, strict=True)
        ]
        answers = max(map(len, rows)) * parameters["top_k"]
        if answers > self.limits.answers:
            raise InvalidInput(
                f"top_k={parameters['top_k']} makes {answers:,} answers to compare; "
                f"this deployment takes {self.limits.answers:,} a question (max_answers)."
            )
        encodings = [encoding for chunks in rows for encoding in chunks]
        boxes = [
            self.boxes(encoding, document.boxes)
            for document, chunks in zip(documents, rows, strict=True)
            for encoding in chunks
        ]
        tensors = {
            **self.tokenizer.tensors(encodings),
            "bbox": pad(boxes),
            "p_mask": pad([outside(encoding, 1, self.cls_id) for encoding in encodings]),
            "word_ids": pad([numbers(encoding.word_ids) for encoding in encodings]),
        }
        words = np.full((len(documents), max(len(document.words) for document in documents)), b"", object)
        for row, document in enumerate(documents):
            words[row, : len(document.words)] = [word.encode() for word in document.words]
        return {**grouped(tensors, [len(chunks) for chunks in rows]), "words": words}

    def cut(self, question: list[str], limit: int | None) -> list[str]:
        """The question's words as far as its first `limit` tokens reach."""
        if limit is None:
            return question
        encoding = self.tokenizer.backend.encode(question, is_pretokenized=True, add_special_tokens=False)
        if len(encoding) <= limit:
            return question
        last = numbers(encoding.word_ids)[limit - 1]
        return [*question[:last], question[last][: encoding.offsets[limit - 1][1]]]

    def chunk(self, parameters: dict[str, Any]) -> tuple[int, int]:
        """The tokens of a chunk, and those by which chunks overlap."""
        limit = min(parameters["max_seq_len"] or text.UNLIMITED, self.tokenizer.max_tokens)
        stride = parameters["doc_stride"]
        return limit, min(limit // 2, 256) if stride is None else stride

    def boxes(self, encoding: tokenizers.Encoding, boxes: Sequence[Box]) -> np.ndarray:
        """[length, 4] INT64: the box of each token."""
        if self.kind == LAYOUTLMV3:
            return self.token_boxes(encoding, boxes, sequence=1)
        bbox = np.zeros((len(encoding), 4), np.int64)
        bbox[np.array(encoding.ids) == self.sep_id] = 1000
        of_words = numbers(encoding.sequence_ids) == 1
        bbox[of_words] = np.array(boxes, np.int64).reshape(-1, 4)[numbers(encoding.word_ids)[of_words]]
        return bbox
