"""image-classification.

    classify = pipeline("image-classification")
    classify("cat.jpg", top_k=2)                 # [{'label': 'tabby', 'score': 0.8}, {'label': 'tiger cat', ...}]
    classify([image, "https://example.org/dog.png", array, data])     # PIL images, URLs, numpy arrays, bytes

From ImageClassificationPipeline. `timeout` bounds, in seconds, the reading of one URL.
"""

from __future__ import annotations

from typing import Any

from .. import images
from ..errors import InvalidInput
from .base import Inputs, Row, Settings, Task, bytes_tensor, choice, given, scalars, split, texts


class ImageClassification(Task):
    name = "image-classification"
    inputs = ("IMAGE",)
    outputs = ("LABEL", "SCORE")
    batch_size = 4

    # "images" is the name that transformers had for the argument before, and still takes.
    def items(self, inputs: Any = None, *, images: Any = None, **parameters: Any) -> Inputs:
        inputs = inputs if images is None else images
        if inputs is None:
            raise InvalidInput("give an image: a path, a URL, bytes, a PIL image or a numpy array")
        return split(inputs, parameters)

    def parameters(
        self,
        *,
        top_k: int | None = None,
        function_to_apply: Any = None,
        timeout: float | None = None,
        **others: Any,
    ) -> Settings:
        sent = {**others, **given(top_k=top_k, function_to_apply=choice(function_to_apply))}
        return Settings(scalars(sent), options=given(timeout=timeout))

    def load(self, item: Any, settings: Settings) -> bytes:
        return images.read(item, settings.options.get("timeout"))

    def encode(self, item: bytes, settings: Settings) -> Row:
        return {"IMAGE": bytes_tensor([item])}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return [
            {"label": label, "score": score}
            for label, score in zip(texts(outputs["LABEL"]), outputs["SCORE"].tolist(), strict=True)
        ]
