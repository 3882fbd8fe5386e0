"""document-question-answering: find the answer to a question in the picture of a document, or among its words.

    ask = pipeline("document-question-answering")
    ask("invoice.png", "What is the invoice number?")
    # [{'score': 0.425, 'answer': 'us-001', 'start': 16, 'end': 16}]
    ask(image=None, question="What is the total?", word_boxes=[("Total:", [50, 700, 200, 760]), ("$154.06", ...)])
    ask([{"image": "invoice.png", "question": "Who pays?"}, ...])     # also one dict, or a generator
    ask("invoice.png", ["Who pays?", "How much?"], top_k=3)           # a list of lists of answers

From DocumentQuestionAnsweringPipeline. A model that writes its answer (Donut) gives [{'answer': 'us-001'}], with None
where it wrote none. Difference: several questions about one image, and several images for one question, are what the
pipeline's documentation says and 4.48.1 fails at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InvalidInput
from .base import (
    Inputs,
    Row,
    Settings,
    bytes_of,
    bytes_tensor,
    given,
    is_iterable,
    one,
    split,
    text_list,
    text_tensor,
    texts,
)
from .image import ImageTask

EXPLAIN = "give image=... and question=..., or a dict of both, or a list of such dicts"


class DocumentQuestionAnswering(ImageTask):
    name = "document-question-answering"
    inputs = ("QUESTION", "IMAGE", "WORDS", "BOXES")  # the question, and the image or its words, or both
    outputs = ("ANSWER", "SCORE", "START", "END", "COUNT")

    def items(  # type: ignore[override]
        self, image: Any = None, question: Any = None, word_boxes: Any = None, **parameters: Any
    ) -> Inputs:
        if question is None:
            if image is None:
                raise InvalidInput(EXPLAIN)
            return split(image, parameters)
        more = given(word_boxes=word_boxes)
        if isinstance(question, str):
            if isinstance(image, (list, tuple)):
                examples = [{"image": each, "question": question, **more} for each in image]
                return split(examples, parameters)
            return one({"image": image, "question": question, **more}, parameters)
        questions = text_list(question, "the question")
        return split([{"image": image, "question": each, **more} for each in questions], parameters)

    def parameters(
        self,
        *,
        padding: Any = None,  # of no effect on results: the server pads as it batches
        doc_stride: int | None = None,
        max_question_len: int | None = None,
        lang: str | None = None,
        tesseract_config: str | None = None,
        max_answer_len: int | None = None,
        max_seq_len: int | None = None,
        top_k: int | None = None,
        handle_impossible_answer: bool | None = None,
        **others: Any,
    ) -> Settings:
        sent = given(
            doc_stride=doc_stride,
            max_question_len=max_question_len,
            lang=lang,
            tesseract_config=tesseract_config,
            max_answer_len=max_answer_len,
            max_seq_len=max_seq_len,
            top_k=top_k,
            handle_impossible_answer=handle_impossible_answer,
        )
        return super().parameters(**others, **sent)

    def load(self, item: Any, settings: Settings) -> Any:
        """The item as (question, image or None, word_boxes or None), the image as bytes."""
        if not isinstance(item, Mapping) or item.get("question") is None:
            raise InvalidInput(EXPLAIN)
        image, word_boxes = item.get("image"), item.get("word_boxes")
        if image is None and word_boxes is None:
            raise InvalidInput(
                "You must provide an image or word_boxes. If you provide an image, the pipeline will automatically run "
                "OCR to derive words and boxes"
            )
        return item["question"], None if image is None else super().load(image, settings), word_boxes

    def encode(self, item: Any, settings: Settings) -> Row:
        question, image, word_boxes = item
        row = {"QUESTION": text_tensor([question], "the question")}
        if image is not None:
            row |= super().encode(image, settings)
        if word_boxes is not None:
            row |= words_and_boxes(word_boxes)
        return row

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        count = int(outputs["COUNT"][0])
        scores, starts, ends = (outputs[name][:count].tolist() for name in ("SCORE", "START", "END"))
        answers = texts(outputs["ANSWER"][:count])
        if any(start < 0 for start in starts):  # it writes, and numbers no words; a score of 0 says that it wrote none
            return [{"answer": answer if score else None} for answer, score in zip(answers, scores, strict=True)]
        return [
            {"score": score, "answer": answer, "start": start, "end": end}
            for score, answer, start, end in zip(scores, answers, starts, ends, strict=True)
        ]


def words_and_boxes(word_boxes: Any) -> Row:
    """WORDS [n] and BOXES [n, 4] of pairs of a word and its box."""
    words, boxes = [], []
    for pair in word_boxes:
        if not is_iterable(pair) or len(pair) != 2:
            raise InvalidInput(f"word_boxes must be pairs of a word and its box, not {pair!r:.80}")
        word, box = pair
        corners = np.asarray(box)
        if corners.shape != (4,) or corners.dtype.kind not in "iuf" or not np.isfinite(corners).all():
            raise InvalidInput(
                f"the box of {word!r:.40} must be four numbers (left, top, right, bottom), not {box!r:.80}"
            )
        words.append(bytes_of(word, "a word of word_boxes"))
        boxes.append(corners.clip(-(2**31), 2**31 - 1))
    return {"WORDS": bytes_tensor(words), "BOXES": np.array(boxes, np.int32).reshape(-1, 4)}
