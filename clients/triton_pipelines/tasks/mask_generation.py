"""mask-generation.

    generate = pipeline("mask-generation")
    generate("street.jpg", points_per_batch=128)       # {'masks': [array of height x width, ...], 'scores': array}
    generate("street.jpg", output_rle_mask=True, output_bboxes_mask=True)      # and 'rle_mask', 'bounding_boxes'

From MaskGenerationPipeline. Masks are bool arrays; scores FP32 and boxes INT64 are numpy arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import images
from ..transport import Array
from .base import Row, Settings, given
from .image import ImageTask

_UNSET: Any = object()


class MaskGeneration(ImageTask):
    name = "mask-generation"
    outputs = ("MASK", "SCORE", "BOX", "COUNT")
    batch_size = 1

    def parameters(
        self,
        *,
        points_per_batch: int | None = _UNSET,
        output_rle_mask: bool | None = None,
        output_bboxes_mask: bool | None = None,
        **others: Any,
    ) -> Settings:
        if points_per_batch is not _UNSET:
            others["points_per_batch"] = points_per_batch  # None asks for all at once
        options = given(output_rle_mask=output_rle_mask, output_bboxes_mask=output_bboxes_mask)
        return super().parameters(**others) | Settings(options=options)

    def decode(self, item: Any, outputs: Row, settings: Settings) -> dict[str, Any]:
        count = int(outputs["COUNT"][0])
        masks = [np.array(images.decode(mask), dtype=bool) for mask in outputs["MASK"][:count]]
        result: dict[str, Any] = {"masks": masks, "scores": outputs["SCORE"][:count].copy()}
        if settings.options.get("output_rle_mask"):
            result["rle_mask"] = [run_lengths(mask) for mask in masks]
        if settings.options.get("output_bboxes_mask"):
            result["bounding_boxes"] = outputs["BOX"][:count].astype(np.int64)
        return result


def run_lengths(mask: Array) -> dict[str, list[int]]:
    """A mask as COCO has it: lengths of runs of equal pixels, column by column, the first one outside of the mask."""
    height, width = mask.shape
    columns = mask.T.ravel()
    changes = np.flatnonzero(columns[1:] != columns[:-1]) + 1
    counts = np.diff([0, *changes, len(columns)]).tolist()
    return {"size": [height, width], "counts": [0, *counts] if columns[0] else counts}
