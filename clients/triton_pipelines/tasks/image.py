"""What the tasks of one image have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import images
from ..errors import InvalidInput
from .base import Inputs, Row, Settings, Task, bytes_tensor, given, scalars, split


class ImageTask(Task):
    """An image in: a path, a URL, a base64 string, bytes, a PIL image or a uint8 array; `timeout` is that of a URL."""

    inputs: ClassVar[tuple[str, ...]] = ("IMAGE",)
    batch_size = 4

    # "images" is the name that transformers had for the argument before, and still takes.
    def items(self, inputs: Any = None, *, images: Any = None, **parameters: Any) -> Inputs:
        inputs = inputs if images is None else images
        if inputs is None:
            raise InvalidInput("give an image: a path, a URL, bytes, a PIL image or a numpy array")
        return split(inputs, parameters)

    def parameters(self, *, timeout: float | None = None, **others: Any) -> Settings:
        return Settings(scalars(others), options=given(timeout=timeout))

    def load(self, item: Any, settings: Settings) -> bytes:
        return images.read(item, settings.options.get("timeout"))

    def encode(self, item: bytes, settings: Settings) -> Row:
        return {"IMAGE": bytes_tensor([item])}
