"""OWLv2's image processor as of transformers 4.48: that of 5.23 pads with black, and smooths by a wrong argument."""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil


class Owlv2ImageProcessor(Owlv2ImageProcessorPil):
    def pad(self, image: np.ndarray, constant_value: float = 0.5) -> np.ndarray:  # type: ignore[override]
        """The image at the upper left of a square of middle grey."""
        return super().pad(image, constant_value)

    def resize(self, image: np.ndarray, size: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """The image in its new size, smoothed before where that is smaller."""
        return super().resize(image, size)
