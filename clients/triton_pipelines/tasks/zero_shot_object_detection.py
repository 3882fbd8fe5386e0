"""zero-shot-object-detection: boxes with labels of the caller's own.

    detect = pipeline("zero-shot-object-detection")
    detect("street.jpg", candidate_labels=["a car", "a bicycle"])
    # [{'score': 0.8, 'label': 'a car', 'box': {'xmin': 69, 'ymin': 171, 'xmax': 396, 'ymax': 507}}, ...]
    detect([{"image": "street.jpg", "candidate_labels": ["a car"]}, {"image": "park.jpg", "candidate_labels": ["dog"]}])

From ZeroShotObjectDetectionPipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput
from .base import Inputs, Row, Settings, given, mapped, split, text_list
from .image import ImageTask
from .object_detection import detections
from .zero_shot_classification import label_tensor


class ZeroShotObjectDetection(ImageTask):
    name = "zero-shot-object-detection"
    inputs = ("IMAGE", "CANDIDATE_LABELS")
    outputs = ("LABEL", "SCORE", "BOX", "COUNT")
    batch_size = 1

    def items(
        self,
        inputs: Any = None,
        candidate_labels: Any = None,
        *,
        image: Any = None,
        images: Any = None,
        text_queries: Any = None,
        **parameters: Any,
    ) -> Inputs:
        labels = candidate_labels if text_queries is None else text_queries
        image = next((each for each in (image, images, inputs) if each is not None), None)
        if image is None:
            raise InvalidInput("give an image, or a dict of an image and its candidate_labels")
        call = split(image, parameters)
        if labels is None:
            return call
        if isinstance(image, (list, tuple)) and not isinstance(labels, str):  # a list of labels for each image
            theirs = text_list(labels, "candidate_labels")
            if len(image) != len(theirs):
                raise InvalidInput(
                    f"{len(image)} images but {len(theirs)} lists of candidate_labels: there must be as many of both"
                )
            paired = [{"image": one, "candidate_labels": its} for one, its in zip(image, theirs, strict=True)]
            return Inputs(paired, call.shape, call.parameters)
        return mapped(lambda one: {"image": one, "candidate_labels": labels}, call)

    def parameters(self, *, threshold: float | None = None, top_k: int | None = None, **others: Any) -> Settings:
        return super().parameters(**others, **given(threshold=threshold, top_k=top_k))

    def load(self, item: Any, settings: Settings) -> Any:
        if not isinstance(item, Mapping) or item.get("image") is None or item.get("candidate_labels") is None:
            raise InvalidInput("give candidate_labels, or dicts with the keys 'image' and 'candidate_labels'")
        return super().load(item["image"], settings), item["candidate_labels"]

    def encode(self, item: Any, settings: Settings) -> Row:
        image, labels = item
        if isinstance(labels, str):  # spaces stay, here alone
            labels = [label for label in labels.split(",") if label]
        return {**super().encode(image, settings), **label_tensor(labels)}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return detections(outputs)
