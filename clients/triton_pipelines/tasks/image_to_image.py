"""image-to-image.

    upscale = pipeline("image-to-image")
    upscale("small.png").save("large.png")      # a PIL image

From ImageToImagePipeline.
"""

from __future__ import annotations

from typing import Any

from PIL import Image

from .. import images
from .base import Row, Settings, refuse
from .image import ImageTask


class ImageToImage(ImageTask):
    name = "image-to-image"
    outputs = ("OUTPUT_IMAGE",)

    def parameters(self, *, head_mask: Any = None, **others: Any) -> Settings:
        refuse(head_mask=(head_mask, "the server runs all attention heads"))
        return super().parameters(**others)

    def decode(self, item: Any, outputs: Row, settings: Settings) -> Image.Image:
        return images.decode(outputs["OUTPUT_IMAGE"].item())
