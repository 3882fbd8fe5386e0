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
from .base import Inputs, Row, Settings, given, split, text_list
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
        if not isinstance(image, (list, tuple)) or labels is None or isinstance(labels, str):
            return split(image, {**parameters, **given(candidate_labels=labels)})
        theirs = text_list(labels, "candidate_labels")  # a list of labels for each image
        if len(image) != len(theirs):
            raise InvalidInput(
                f"{len(image)} images but {len(theirs)} lists of candidate_labels: there must be as many of both"
            )
        return split(
            [{"image": one, "candidate_labels": its} for one, its in zip(image, theirs, strict=True)], parameters
        )

    def parameters(
        self, *, candidate_labels: Any = None, threshold: float | None = None, top_k: int | None = None, **others: Any
    ) -> Settings:
        settings = super().parameters(**others, **given(threshold=threshold, top_k=top_k))
        return settings | Settings(options=given(candidate_labels=candidate_labels))

    def load(self, item: Any, settings: Settings) -> Any:
        """The image as bytes, and its labels: its own, or those of all."""
        pair = item if isinstance(item, Mapping) else {"image": item}
        labels = pair.get("candidate_labels", settings.options.get("candidate_labels"))
        if pair.get("image") is None or labels is None:
            raise InvalidInput("give candidate_labels, or dicts with the keys 'image' and 'candidate_labels'")
        return super().load(pair["image"], settings), labels

    def encode(self, item: Any, settings: Settings) -> Row:
        image, labels = item
        if isinstance(labels, str):  # spaces stay, here alone
            labels = [label for label in labels.split(",") if label]
        return {**super().encode(image, settings), **label_tensor(labels)}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return detections(outputs)
