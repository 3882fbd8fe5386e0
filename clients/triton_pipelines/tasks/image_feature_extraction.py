"""image-feature-extraction.

    extract = pipeline("image-feature-extraction")
    extract("cat.jpg")                                        # [[[0.1, -0.2, ...], ...]]: 1, tokens, hidden
    extract("cat.jpg", return_tensors=True).shape             # the same as an array: (1, 197, 768)
    extract("cat.jpg", pool=True)                             # [[0.3, ...]], of models that pool

From ImageFeatureExtractionPipeline. `return_tensors` gives a numpy array. Models that convolve give 1, channels,
height, width.
"""

from __future__ import annotations

import math
from typing import Any

from .base import Row, Settings, given, refuse
from .image import ImageTask


class ImageFeatureExtraction(ImageTask):
    name = "image-feature-extraction"
    outputs = ("FEATURES", "SHAPE")

    def parameters(
        self,
        *,
        pool: bool | None = None,
        return_tensors: bool | None = None,
        image_processor_kwargs: Any = None,
        **others: Any,
    ) -> Settings:
        refuse(image_processor_kwargs=(image_processor_kwargs, "the deployment's preprocessor_config.json says it"))
        settings = super().parameters(**others, **given(pool=pool))
        return settings | Settings(options=given(return_tensors=return_tensors))

    def decode(self, item: Any, outputs: Row, settings: Settings) -> Any:
        shape = outputs["SHAPE"].tolist()
        rows = shape[0] if len(shape) > 1 else 1
        features = outputs["FEATURES"][:rows, : math.prod(shape) // rows].reshape(1, *shape)
        return features.copy() if settings.options.get("return_tensors") else features.tolist()
