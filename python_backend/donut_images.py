"""Donut's image processor as of transformers 4.48: that of 5.23 shrinks a second time with another filter."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image
from transformers.models.donut.image_processing_pil_donut import DonutImageProcessorPil


class DonutImageProcessor(DonutImageProcessorPil):
    def thumbnail(self, image: np.ndarray, size: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """The image [channels, height, width] with no side longer than that of `size`: bicubic, in two steps."""
        _, height, width = image.shape
        new_height, new_width = min(height, size.height), min(width, size.width)
        if (new_height, new_width) == (height, width):
            return image
        if height > width:
            new_width = int(width * new_height / height)
        elif width > height:
            new_height = int(height * new_width / width)
        picture = Image.fromarray(np.moveaxis(image, 0, -1))
        smaller = picture.resize((new_width, new_height), Image.Resampling.BICUBIC, reducing_gap=2.0)
        return np.moveaxis(np.asarray(smaller), -1, 0)
