"""image-classification.

    classify = pipeline("image-classification")
    classify("cat.jpg", top_k=2)                 # [{'label': 'tabby', 'score': 0.8}, {'label': 'tiger cat', ...}]
    classify([image, "https://example.org/dog.png", array, data])     # PIL images, URLs, numpy arrays, bytes

From ImageClassificationPipeline. `timeout` bounds, in seconds, the reading of one URL.
"""

from __future__ import annotations

from typing import Any

from .base import Row, Settings, choice, given, labelled
from .image import ImageTask


class ImageClassification(ImageTask):
    name = "image-classification"
    outputs = ("LABEL", "SCORE")

    def parameters(self, *, top_k: int | None = None, function_to_apply: Any = None, **others: Any) -> Settings:
        return super().parameters(**others, **given(top_k=top_k, function_to_apply=choice(function_to_apply)))

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return labelled(outputs)
