"""zero-shot-image-classification: which of the caller's labels fits an image.

    classify = pipeline("zero-shot-image-classification")
    classify("pet.jpg", candidate_labels=["a cat", "a dog"])    # [{'score': 0.9, 'label': 'a cat'}, ...]

From ZeroShotImageClassificationPipeline. A string of labels is split at its commas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput
from .base import Inputs, Row, Settings, deprecated, given, scored, split
from .image import ImageTask
from .zero_shot_classification import label_tensor


class ZeroShotImageClassification(ImageTask):
    name = "zero-shot-image-classification"
    inputs = ("IMAGE", "CANDIDATE_LABELS")
    outputs = ("LABEL", "SCORE", "COUNT")

    def items(self, inputs: Any = None, *, image: Any = None, images: Any = None, **parameters: Any) -> Inputs:
        image = next((each for each in (image, images, inputs) if each is not None), None)
        if image is None:
            raise InvalidInput("Cannot call the zero-shot-image-classification pipeline without an images argument!")
        return split(image, parameters)

    def parameters(
        self,
        *,
        candidate_labels: Any = None,
        hypothesis_template: str | None = None,
        tokenizer_kwargs: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> Settings:
        if tokenizer_kwargs is not None:
            deprecated("tokenizer_kwargs", "its keys as arguments")
        chosen = {**(tokenizer_kwargs or {}), **given(hypothesis_template=hypothesis_template)}
        return super().parameters(**{**others, **chosen}) | Settings(tensors=label_tensor(candidate_labels))

    def encode(self, item: bytes, settings: Settings) -> Row:
        if "CANDIDATE_LABELS" not in settings.tensors:
            raise InvalidInput("give candidate_labels: the labels to choose from")
        return super().encode(item, settings)

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return scored(outputs)[: int(outputs["COUNT"][0])]
