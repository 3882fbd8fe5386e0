"""Cases of mask-generation."""

from typing import Any

import numpy as np

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.pictures import KINDS, NARROW, NO_PICTURE, OPENED, SCENE, SMALL, TINY

SAM = "mask_generation_sam"
PLAIN = "mask_generation_sam_plain"
ALL = {"sam": SAM, "plain": PLAIN}
GOOD = {"points_per_crop": 8, "pred_iou_thresh": -1.0, "stability_score_thresh": 0.9, "mask_threshold": 130.0}
"""What lets through some masks of networks of random weights."""


def mend(pipeline: Any, case: Case) -> dict[str, Any]:
    """Bring the non-maximum suppression of torchvision, which is not there."""
    from transformers.models.sam import image_processing_sam

    image_processing_sam.batched_nms = batched_nms
    return {}


def batched_nms(boxes: Any, scores: Any, idxs: Any, iou_threshold: float) -> Any:
    """torchvision.ops.boxes.batched_nms of one kind of boxes, one pair after the other."""
    import torch

    def area(box: list[float]) -> float:
        return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)

    kept: list[int] = []
    for at in scores.sort(stable=True, descending=True).indices.tolist():
        box = boxes[at].tolist()
        for other in (boxes[index].tolist() for index in kept):
            both = area([*map(max, box[:2], other[:2]), *map(min, box[2:], other[2:])])
            union = area(box) + area(other) - both
            if union and both / union > iou_threshold:
                break
        else:
            kept.append(at)
    return torch.tensor(kept, dtype=torch.long)


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """The oracle's answer with one type of numbers: among its lengths of runs the last is a tensor, and its boxes are
    floats where a batch of points gave no mask."""
    answer = dict(answer)
    if "rle_mask" in answer:
        answer["rle_mask"] = [{**rle, "counts": [int(count) for count in rle["counts"]]} for rle in answer["rle_mask"]]
    if "bounding_boxes" in answer:
        answer["bounding_boxes"] = answer["bounding_boxes"].astype(np.int64)
    return answer


NUMBERS = "lengths and boxes are integers, always"
OUTPUTS = {"output_rle_mask": True, "output_bboxes_mask": True}

CASES = [
    *(Case(f"{name}_one", checkpoint, SCENE, GOOD) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{size}", checkpoint, picture, GOOD)
        for name, checkpoint in ALL.items()
        for size, picture in (("narrow", NARROW), ("tiny", TINY), ("rotated", KINDS["rotated"]))
    ),
    *(
        Case(f"{name}_{parameter}_{value}", checkpoint, SMALL, {**GOOD, parameter: value})
        for name, checkpoint in ALL.items()
        for parameter, value in (
            ("points_per_batch", 16),
            ("points_per_batch", 4),
            ("mask_threshold", 100.0),
            ("pred_iou_thresh", 1.0),
            ("stability_score_thresh", 0.95),
            ("stability_score_offset", 4),
            ("crops_nms_thresh", 0.2),
        )
    ),
    *(
        Case(f"{name}_outputs", checkpoint, SMALL, {**GOOD, **OUTPUTS}, expected=plain, note=NUMBERS)
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_few_points", checkpoint, SMALL, {**GOOD, "points_per_crop": 4, "points_per_batch": 16})
        for name, checkpoint in ALL.items()
    ),
    Case("all_points_at_once", SAM, SMALL, {**GOOD, "points_per_batch": None}),
    Case("nothing", SAM, SMALL, {**GOOD, "pred_iou_thresh": 9.0}),
    Case("of_constructor", SAM, SMALL, init=GOOD),
    Case("opened_picture", SAM, OPENED, GOOD),
    Case("list", SAM, [SMALL, TINY], GOOD),
    Case("generator", PLAIN, Generator((TINY, SMALL)), GOOD),
    Case("timeout", SAM, SMALL, {**GOOD, "timeout": 5}),
    Case("no_points", SAM, SMALL, {**GOOD, "points_per_batch": 0}, refused="points_per_batch", note=REFUSED_TOO),
    Case("not_a_picture", SAM, NO_PICTURE, GOOD, refused="image", note=REFUSED_TOO),
]
