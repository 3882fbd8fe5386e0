"""Image segmentation: images to labelled masks. Follows ImageSegmentationPipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from python_backend import images, segmentation, text
from python_backend.checkpoint import read_json
from python_backend.detection import LabelPostprocess
from python_backend.forward import ImageForward, Pass
from python_backend.parameters import Choice, Float, InvalidInput, Parameters
from python_backend.segmentation import Size
from python_backend.stage import Request, Tensors

SUBTASKS = ("panoptic", "instance", "semantic")
"""In the order in which the pipeline looks for one that the checkpoint's image processor can do."""
LABELS = 32_767
"""What INT16 holds: the type in which maps of segments travel."""

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


def choose(processor: Any, wanted: str | None) -> str:
    """The subtask for a request: the one it wants, or the first that the image processor can do."""
    can = [name for name in SUBTASKS if hasattr(processor, f"post_process_{name}_segmentation")]
    if not can:
        raise ValueError(f"{type(processor).__name__} makes no segments; it is the checkpoint's image processor")
    if wanted and wanted not in can:
        raise InvalidInput(f"Subtask {wanted} is not supported by this model; it does {', '.join(can)}.")
    return wanted or can[0]


class Preprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] to pixel_values [batch, channels, height, width] and pixel_mask [batch, height, width], with
    pixel_size and target_size [batch, 2]; and task_inputs [batch, tokens] INT64, the subtask in words for OneFormer, of
    length 0 for models that are not told.

    Settings: those of ImagePreprocess. In config.pbtxt max_image_pixels is 16,000,000: the model stage scales each
    class or query to the size of the picture, which takes half a GB then and, for 150 of them on one core, ten seconds.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        choose(self.processor, None)
        if getattr(self.processor, "do_split_image", False):  # EoMT's for semantic segmentation
            raise ValueError(f"{self.name}: the image processor cuts pictures into pieces; that is not served")
        self.words: dict[str, np.ndarray] = {}
        if read_json(self.folder, "config.json").get("model_type") == "oneformer":
            self.words = task_words(self.folder)
        former = segmentation.family(self.processor) in ("MaskFormer", "Mask2Former", "OneFormer")
        self.edges = edges(self.processor) if former else None

    def process(self, request: Request) -> Tensors:
        subtask = choose(self.processor, request.parameters["subtask"])
        tensors = super().process(request)
        words = np.tile(self.words.get(subtask, np.empty(0, np.int64)), (len(tensors["pixel_values"]), 1))
        return {**tensors, "task_inputs": words}

    def features(self, image: Image.Image, **settings: Any) -> Tensors:
        if self.edges is not None:
            height, width = reduced((image.height, image.width), *self.edges)
            settings["size"] = {"height": height, "width": width}
        return super().features(image, **settings)


def edges(processor: Any) -> tuple[int, int] | None:
    """What an image processor scales the shorter side to, and what the longer one may be; None where it is told the
    size itself."""
    size = processor.size
    return (size.shortest_edge, size.longest_edge) if size.shortest_edge and size.longest_edge else None


def reduced(size: Size, shortest: int, longest: int) -> Size:
    """The size that MaskFormer's processor and its like give a picture: those of 4.48 cut fractions off, where those of
    5.x round them."""
    height, width = size
    short, long = shortest, int(shortest * max(size) / min(size))
    if long > longest:
        short, long = int(longest * short / long), longest
    return (long, short) if width <= height else (short, long)


def task_words(folder: Path) -> dict[str, np.ndarray]:
    """[task_seq_len] INT64, the token ids that tell OneFormer each subtask."""
    tokenizer = text.Tokenizer(folder)
    length = read_json(folder, "config.json").get("task_seq_len", 77)
    (encodings,) = tokenizer.encode_uncut([[f"the task is {subtask}" for subtask in SUBTASKS]])
    padding: int = tokenizer.token_id("pad_token") or 0
    return {
        subtask: np.array(encoding.ids + [padding] * (length - len(encoding)), np.int64)
        for subtask, encoding in zip(SUBTASKS, encodings, strict=True)
    }


class Model(ImageForward):
    """pixel_values to one map of segments a picture, segmentation [batch, height, width] INT16 in the pictures' sizes,
    and its segments: segment_ids and labels [batch, n] INT32, scores [batch, n] FP32 (NaN for semantic segmentation),
    count [batch, 1]."""

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
        labels = self.model.config.num_labels or 0
        if labels > LABELS:
            raise ValueError(f"{self.name}: the model has {labels:,} labels, and maps of segments hold {LABELS:,}")

    def choose_auto_class(self) -> str:
        """The first Auto class that knows the checkpoint's type of model."""
        import transformers

        config = type(transformers.AutoConfig.from_pretrained(self.folder, local_files_only=True))
        known = (name for name in self.auto_classes if config in getattr(transformers, name)._model_mapping)
        return next(known, self.auto_class)

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        found = []
        for at, (request, row) in enumerate(batch.origins):
            subtask = choose(self.processor, request.parameters["subtask"])
            height, width = request.tensors["target_size"][row].tolist()
            found.append(
                segmentation.segments(self.processor, subtask, outputs, at, (height, width), request.parameters)
            )
        return {
            "segmentation": [one.segmentation for one in found],
            "segment_ids": [one.ids for one in found],
            "labels": [one.labels for one in found],
            "scores": [one.scores for one in found],
            "count": [np.array([len(one.ids)], np.int32) for one in found],
        }


class Postprocess(LabelPostprocess):
    """segmentation [batch, height, width], target_size [batch, 2], segment_ids and labels [batch, n] and count
    [batch, 1] to LABEL and MASK [batch, n]: PNG files of mode L, 255 where the segment is; "" behind the last."""

    PARAMETERS = PARAMETERS

    def process(self, request: Request) -> Tensors:
        tensors = request.tensors
        masks = np.full(tensors["segment_ids"].shape, b"", object)
        for row, (numbers, (height, width)) in enumerate(
            zip(tensors["segmentation"], tensors["target_size"], strict=True)
        ):
            picture = numbers[:height, :width]
            for at, number in enumerate(tensors["segment_ids"][row, : tensors["count"][row, 0]]):
                masks[row, at] = images.png(Image.fromarray((picture == number).view(np.uint8) * np.uint8(255)))
        return {**super().process(request), "MASK": masks}
