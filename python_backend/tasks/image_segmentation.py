"""Image segmentation: images to labelled masks. Follows ImageSegmentationPipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from python_backend import images
from python_backend.detection import LabelPostprocess
from python_backend.forward import ImageForward, Pass, to_numpy
from python_backend.parameters import Choice, Float, InvalidInput, Parameters
from python_backend.stage import Request, Tensors

SUBTASKS = ("panoptic", "instance", "semantic")
"""In the order in which the pipeline looks for one that the checkpoint's image processor can do."""

PARAMETERS = Parameters(
    Choice("subtask", choices=SUBTASKS, doc="What to segment. Default: the first of these that the model does."),
    Float("threshold", default=0.9, doc="The probability that a mask must exceed; not for semantic segmentation."),
    Float("mask_threshold", default=0.5, doc="The probability from which a pixel belongs to a mask; not for semantic."),
    Float(
        "overlap_mask_area_threshold",
        default=0.5,
        doc="The share of a mask that others must leave of it, or it is dropped; not for semantic segmentation.",
    ),
)


class Preprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] to pixel_values [batch, channels, height, width] and pixel_mask [batch, height, width], with
    pixel_size and target_size [batch, 2]."""

    PARAMETERS = PARAMETERS


class Model(ImageForward):
    """pixel_values to one map of segments a picture, segmentation [batch, height, width] INT16 in the pictures' sizes,
    and its segments: segment_ids and labels [batch, n] INT32, scores [batch, n] FP32 (NaN for semantic segmentation),
    count [batch, 1]. What makes them of a model's outputs is the checkpoint's own image processor."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForImageSegmentation"
    auto_classes = (
        "AutoModelForImageSegmentation",
        "AutoModelForSemanticSegmentation",
        "AutoModelForUniversalSegmentation",
        "AutoModelForInstanceSegmentation",
    )

    def load(self) -> None:
        self.auto_class = self.choose_auto_class()  # type: ignore[misc]
        super().load()
        self.processor = images.processor(self.folder)
        self.model_name = type(self.model).__name__

    def choose_auto_class(self) -> str:
        """The first Auto class that knows the checkpoint's type of model."""
        import transformers

        config = type(transformers.AutoConfig.from_pretrained(self.folder, local_files_only=True))
        known = (name for name in self.auto_classes if config in getattr(transformers, name)._model_mapping)
        return next(known, self.auto_class)

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        results: dict[str, list[np.ndarray]] = {}
        for at, (request, row) in enumerate(batch.origins):
            alone = type(outputs)(
                {
                    name: value[at : at + 1].float() if value.is_floating_point() else value[at : at + 1]
                    for name, value in outputs.items()
                    if hasattr(value, "is_floating_point")
                }
            )
            size = request.tensors["target_size"][row].tolist()
            for name, array in self.segment(alone, [size], request.parameters).items():
                results.setdefault(name, []).append(array)
        return results

    def segment(self, outputs: Any, sizes: Sequence[Sequence[int]], parameters: dict[str, Any]) -> Tensors:
        """The segments of one picture, by the subtask that its request asks for."""
        wanted = parameters["subtask"]
        names = [name for name in SUBTASKS if wanted in (name, None)]
        can = [name for name in names if hasattr(self.processor, f"post_process_{name}_segmentation")]
        if not can:
            raise InvalidInput(f"Subtask {wanted} is not supported by this model ({self.model_name}).")
        post_process = getattr(self.processor, f"post_process_{can[0]}_segmentation")
        if can[0] == "semantic":
            segmentation = post_process(outputs, target_sizes=sizes)[0].short().cpu().numpy()
            labels = np.unique(segmentation).astype(np.int32)
            return segments(segmentation, labels, labels, np.full(len(labels), np.nan, np.float32))
        thresholds = {name: value for name, value in parameters.items() if name.endswith("threshold")}
        found = post_process(outputs, target_sizes=sizes, **thresholds)[0]
        infos = found["segments_info"]
        return segments(
            to_numpy(found["segmentation"].short()),
            np.array([info["id"] for info in infos], np.int32),
            np.array([info["label_id"] for info in infos], np.int32),
            np.array([info["score"] for info in infos], np.float32),
        )


def segments(segmentation: np.ndarray, ids: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> Tensors:
    count = np.array([len(ids)], np.int32)
    return {"segmentation": segmentation, "segment_ids": ids, "labels": labels, "scores": scores, "count": count}


class Postprocess(LabelPostprocess):
    """segmentation [batch, height, width], target_size [batch, 2], segment_ids and labels [batch, n] and count
    [batch, 1] to LABEL and MASK [batch, n]: PNG files of mode L, 255 where the segment is; "" behind the last."""

    PARAMETERS = PARAMETERS

    def process(self, request: Request) -> Tensors:
        tensors = request.tensors
        masks = np.full(tensors["segment_ids"].shape, b"", object)
        for row, (segmentation, (height, width)) in enumerate(
            zip(tensors["segmentation"], tensors["target_size"], strict=True)
        ):
            picture = segmentation[:height, :width]
            for at, number in enumerate(tensors["segment_ids"][row, : tensors["count"][row, 0]]):
                masks[row, at] = images.png(Image.fromarray((picture == number).astype(np.uint8) * 255))
        return {**super().process(request), "MASK": masks}
