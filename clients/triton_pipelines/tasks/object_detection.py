"""object-detection.

    detect = pipeline("object-detection")
    detect("street.jpg", threshold=0.9)
    # [{'score': 0.99, 'label': 'car', 'box': {'xmin': 69, 'ymin': 171, 'xmax': 396, 'ymax': 507}}, ...]

From ObjectDetectionPipeline.
"""

from __future__ import annotations

from typing import Any

from .base import Row, Settings, given, texts
from .image import ImageTask

CORNERS = ("xmin", "ymin", "xmax", "ymax")


class ObjectDetection(ImageTask):
    name = "object-detection"
    outputs = ("LABEL", "SCORE", "BOX", "COUNT")

    def parameters(self, *, threshold: float | None = None, **others: Any) -> Settings:
        return super().parameters(**others, **given(threshold=threshold))

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return detections(outputs)


def detections(outputs: Row) -> list[dict[str, Any]]:
    """LABEL [n], SCORE [n] and BOX [n, 4] of a row as the detection pipelines return them."""
    count = int(outputs["COUNT"][0])
    found = zip(outputs["SCORE"].tolist(), texts(outputs["LABEL"]), outputs["BOX"].tolist(), strict=True)
    return [
        {"score": score, "label": label, "box": dict(zip(CORNERS, box, strict=True))}
        for score, label, box in list(found)[:count]
    ]
