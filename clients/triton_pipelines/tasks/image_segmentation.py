"""image-segmentation.

    segment = pipeline("image-segmentation")
    segment("street.jpg", subtask="semantic")
    # [{'score': None, 'label': 'road', 'mask': <PIL image, 255 where the road is>}, ...]

From ImageSegmentationPipeline. Scores have six digits, as there; those of semantic segmentation travel as NaN.
"""

from __future__ import annotations

import math
from typing import Any

from .. import images
from .base import Row, Settings, given, texts
from .image import ImageTask


class ImageSegmentation(ImageTask):
    name = "image-segmentation"
    outputs = ("LABEL", "SCORE", "MASK", "COUNT")

    def parameters(
        self,
        *,
        subtask: str | None = None,
        threshold: float | None = None,
        mask_threshold: float | None = None,
        overlap_mask_area_threshold: float | None = None,
        **others: Any,
    ) -> Settings:
        chosen = given(
            subtask=subtask,
            threshold=threshold,
            mask_threshold=mask_threshold,
            overlap_mask_area_threshold=overlap_mask_area_threshold,
        )
        return super().parameters(**others, **chosen)

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        count = int(outputs["COUNT"][0])
        found = zip(outputs["SCORE"][:count].tolist(), texts(outputs["LABEL"][:count]), outputs["MASK"], strict=False)
        return [
            {"score": None if math.isnan(score) else round(score, 6), "label": label, "mask": images.decode(mask)}
            for score, label, mask in found
        ]
