"""depth-estimation.

    estimate = pipeline("depth-estimation")
    estimate("room.jpg")                        # {'predicted_depth': array of height x width, 'depth': a PIL image}

From DepthEstimationPipeline. `predicted_depth` is a numpy array (FP32).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import images
from .base import Row, Settings
from .image import ImageTask


class DepthEstimation(ImageTask):
    name = "depth-estimation"
    outputs = ("PREDICTED_DEPTH", "DEPTH")

    # Timeouts may also come in a dict of their own.
    def parameters(self, *, parameters: Mapping[str, Any] | None = None, **others: Any) -> Settings:
        return super().parameters(**{**others, **(parameters or {})})

    def decode(self, item: Any, outputs: Row, settings: Settings) -> dict[str, Any]:
        depth = images.decode(outputs["DEPTH"].item())
        predicted = outputs["PREDICTED_DEPTH"][: depth.height, : depth.width]
        return {"predicted_depth": predicted.copy(), "depth": depth}
