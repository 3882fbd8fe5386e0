"""Masks of mask generation: which are good, where they are, and which of them are the same thing again.

After `filter_masks` and `post_process_for_mask_generation` of SamImageProcessor (4.48.1), in bounded memory: masks that
the model itself thinks little of are dropped before they are scaled up, and kept ones are packed, eight pixels a byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from python_backend.mask_crops import Crop

if TYPE_CHECKING:
    import torch

CHUNK = 32_000_000
"""Pixels of masks that are scaled up at a time."""
EDGE = 20.0
"""Pixels from the edge of a crop within which a box counts as cut off by it."""


class Masks(NamedTuple):
    """Masks of a picture."""

    bits: np.ndarray
    """[n, bytes] uint8: rows of pixels, packed by numpy.packbits."""
    scores: np.ndarray
    """[n] float32: the intersection over union that the model predicts."""
    boxes: np.ndarray
    """[n, 4] int32: left, top, right, bottom of each mask in its own crop; zeros for one without a pixel."""


def good_masks(
    logits: torch.Tensor,
    scores: torch.Tensor,
    crop: Crop,
    picture: tuple[int, int],
    seen: tuple[tuple[int, int], tuple[int, int]],
    parameters: dict[str, Any],
) -> Masks:
    """The masks of one crop that pass the thresholds, in the size of the picture.

    Args:
        logits: [n, h, w] of the model.
        scores: [n]
        picture: height and width.
        seen: height and width that the model's input has, and those of the crop in it: the rest is padding.
    """
    from torch.nn.functional import interpolate, pad

    if parameters["pred_iou_thresh"] > 0:
        kept = scores > parameters["pred_iou_thresh"]
        logits, scores = logits[kept], scores[kept]
    if not len(scores):
        return joined([], picture)
    threshold, offset = parameters["mask_threshold"], parameters["stability_score_offset"]
    height, width = crop.bottom - crop.top, crop.right - crop.left
    pieces: list[Masks] = []
    step = max(1, CHUNK // max(height * width, seen[0][0] * seen[0][1]))
    for part, part_scores in zip(logits.float().split(step), scores.float().split(step), strict=True):
        scaled = interpolate(part[None], seen[0], mode="bilinear", align_corners=False)
        scaled = scaled[..., : seen[1][0], : seen[1][1]]
        masks = interpolate(scaled, (height, width), mode="bilinear", align_corners=False)[0]
        if parameters["stability_score_thresh"] > 0:
            inner, outer = ((masks > threshold + side).sum((-1, -2)) for side in (offset, -offset))
            stable = inner / outer > parameters["stability_score_thresh"]
            masks, part_scores = masks[stable], part_scores[stable]
        binary = masks > threshold
        boxes = boxes_of(binary)
        inside = ~cut_off(boxes, crop, picture)
        binary, boxes, part_scores = binary[inside], boxes[inside], part_scores[inside]
        sides = (crop.left, picture[1] - crop.right, crop.top, picture[0] - crop.bottom)
        whole = pad(binary, sides) if any(sides) else binary
        bits = np.packbits(whole.flatten(1).cpu().numpy(), axis=1)
        pieces.append(Masks(bits, part_scores.cpu().numpy(), boxes.int().cpu().numpy()))
    return joined(pieces, picture)


def joined(pieces: list[Masks], picture: tuple[int, int]) -> Masks:
    """All masks of the pieces."""
    bits = -(-picture[0] * picture[1] // 8)
    none = Masks(np.empty((0, bits), np.uint8), np.empty(0, np.float32), np.empty((0, 4), np.int32))
    return Masks(*(np.concatenate(arrays) for arrays in zip(none, *pieces, strict=True)))


def boxes_of(masks: torch.Tensor) -> torch.Tensor:
    """[n, 4] left, top, right, bottom of masks [n, h, w], the last pixels included; zeros where there is none."""
    import torch

    edges = []
    for inside in (masks.any(dim=-2), masks.any(dim=-1)):  # columns, rows
        places = torch.arange(inside.shape[-1], device=masks.device)
        first = torch.where(inside, places, inside.shape[-1]).amin(dim=-1)
        edges.append((first, torch.where(inside, places, 0).amax(dim=-1)))
    (left, right), (top, bottom) = edges
    boxes = torch.stack([left, top, right, bottom], dim=-1)
    return boxes * masks.flatten(1).any(dim=1)[:, None]


def cut_off(boxes: torch.Tensor, crop: Crop, picture: tuple[int, int]) -> torch.Tensor:
    """[n] whether a box lies at an edge of its crop that is no edge of the picture."""
    import torch

    corners = boxes + torch.tensor([crop.left, crop.top] * 2, device=boxes.device)
    of_crop, of_picture = (
        (corners - torch.tensor(edges, device=boxes.device)).abs() <= EDGE
        for edges in (crop[:4], (0, 0, picture[1], picture[0]))
    )
    return (of_crop & ~of_picture).any(dim=1)


def without_repeats(masks: Masks, threshold: float) -> Masks:
    """Non-maximum suppression: best first, each mask whose box does not overlap a better one by more than `threshold`
    (intersection over union), as `torchvision.ops.nms` has it."""
    boxes = masks.boxes.astype(np.float32)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    waiting = np.argsort(-masks.scores, kind="stable")
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        corners = np.maximum(boxes[best, :2], boxes[waiting, :2]), np.minimum(boxes[best, 2:], boxes[waiting, 2:])
        both = np.prod(np.clip(corners[1] - corners[0], 0, None), axis=1)
        with np.errstate(invalid="ignore"):  # boxes without an area overlap nothing
            overlap = both / (areas[best] + areas[waiting] - both)
        waiting = waiting[~(overlap > threshold)]
    return Masks(*(array[kept] for array in masks))
