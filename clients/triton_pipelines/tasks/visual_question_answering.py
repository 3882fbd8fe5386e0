"""visual-question-answering: ask about an image.

    ask = pipeline("visual-question-answering")
    ask("lena.png", "What is she wearing?", top_k=2)     # [{'score': 0.948, 'answer': 'hat'}, {'score': ...}]
    ask(image="lena.png", question=["What?", "Who?"])    # a list for each question; the image is read once
    ask([{"image": "a.png", "question": "What?"}, {"image": "b.png", "question": "What?"}])

From VisualQuestionAnsweringPipeline: several images and several questions are all asked of each other. Models that
write their answers give one without a score.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from .. import images
from ..errors import InvalidInput
from .base import (
    Inputs,
    Row,
    Settings,
    bytes_tensor,
    choice,
    given,
    is_iterable,
    one,
    scalars,
    split,
    text_list,
    text_tensor,
    texts,
)
from .image import ImageTask


class VisualQuestionAnswering(ImageTask):
    name = "visual-question-answering"
    inputs = ("IMAGE", "QUESTION")
    outputs = ("ANSWER", "SCORE")
    batch_size = 8

    def items(self, image: Any = None, question: Any = None, **parameters: Any) -> Inputs:  # type: ignore[override]
        if image is None:
            raise InvalidInput("give an image and a question, or a dict of both, or a list of such dicts")
        if question is None:
            return split(image, parameters)
        if isinstance(question, str) and not is_iterable(image):
            return one({"image": image, "question": question}, parameters)
        questions = text_list(question, "question")
        pictures = list(image) if is_iterable(image) else [image]
        if len(questions) > 1:
            pictures = [Shared(picture) for picture in pictures]
        return split([{"image": picture, "question": each} for each in questions for picture in pictures], parameters)

    def parameters(
        self, *, top_k: int | None = None, padding: Any = None, truncation: Any = None, **others: Any
    ) -> Settings:
        settings = super().parameters(**others)
        sent = given(top_k=top_k, padding=_flag(padding), truncation=_flag(truncation))
        return Settings(scalars(sent)) | settings

    def load(self, item: Any, settings: Settings) -> Any:
        if not isinstance(item, Mapping) or not {"image", "question"} <= set(item):
            raise InvalidInput("each item must be a dict with the keys image and question")
        timeout = settings.options.get("timeout")
        image = item["image"]
        return {
            "question": item["question"],
            "image": image.read(timeout) if isinstance(image, Shared) else images.read(image, timeout),
        }

    def encode(self, item: Any, settings: Settings) -> Row:
        return {
            "IMAGE": bytes_tensor([item["image"]]),
            "QUESTION": text_tensor([item["question"]], "the question"),
        }

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        answers = texts(outputs["ANSWER"])
        if not outputs["SCORE"].size:
            return [{"answer": answer} for answer in answers]
        return [
            {"score": score, "answer": answer} for score, answer in zip(outputs["SCORE"].tolist(), answers, strict=True)
        ]


class Shared:
    """An image that several questions are asked of: read once."""

    def __init__(self, image: Any) -> None:
        self.image = image
        self.data: bytes | None = None
        self.lock = threading.Lock()

    def read(self, timeout: float | None) -> bytes:
        with self.lock:
            if self.data is None:
                self.data = images.read(self.image, timeout)
            return self.data


def _flag(value: Any) -> Any:
    return value if isinstance(value, bool) else choice(value)
