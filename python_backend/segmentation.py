"""Model outputs to the segments of one picture, in bounded memory.

After `post_process_panoptic_segmentation` and its like in the image processors of transformers 4.48.1. These scale the
scores of all classes, or the masks of all queries, to the size of the picture before they compare them: 150 classes of
16 megapixels take 10 GB. Here one at a time is scaled and compared with the best so far, with the same answer. (Those
of 5.23 ask for torchvision where they are OneFormer's, and map instances on the CPU, whatever the device.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch

Size = tuple[int, int]
"""Height and width."""

DENSE = ("Beit", "DPT", "MobileNetV2", "MobileViT", "Segformer")
"""Image processors of models that give logits [rows, classes, h, w]."""
QUERIES = {
    "Detr": ("logits", "pred_masks"),
    "MaskFormer": ("class_queries_logits", "masks_queries_logits"),
    "Mask2Former": ("class_queries_logits", "masks_queries_logits"),
    "OneFormer": ("class_queries_logits", "masks_queries_logits"),
}
"""Image processors of models with queries, and what these models call the logits of a query's class [rows, queries,
classes + 1], the last of which means that it found nothing, and those of its mask [rows, queries, h, w]."""
MASK2FORMER_SIZE = (384, 384)
"""What Mask2Former's processor scales masks to, whatever the picture, before anything else."""


class Segments(NamedTuple):
    """The segments of a picture."""

    segmentation: np.ndarray
    """[height, width] int16, which segment each pixel belongs to; [0, 0] where there are no segments."""
    ids: np.ndarray
    """[n] int32, the numbers in `segmentation` of the segments, which are in the order of the pipeline. Other numbers
    in it belong to none."""
    labels: np.ndarray
    """[n] int32"""
    scores: np.ndarray
    """[n] float32; NaN for semantic segmentation."""


def family(processor: Any) -> str:
    """What the class of an image processor is called after: "Mask2Former"."""
    return type(processor).__name__.partition("ImageProcessor")[0]


def segments(processor: Any, subtask: str, outputs: Any, row: int, size: Size, parameters: dict[str, Any]) -> Segments:
    """The segments of one picture out of the outputs of a pass.

    Args:
        row: of the picture in the pass.
        size: of the picture.
        parameters: threshold, mask_threshold, overlap_mask_area_threshold.
    """
    name = family(processor)
    if name in DENSE:
        return semantic(outputs.logits[row].float(), size)
    if name not in QUERIES:
        return processors_own(processor, subtask, outputs, row, size, parameters)
    classes, masks = (getattr(outputs, field)[row].float() for field in QUERIES[name])
    if name == "Mask2Former":
        masks = scaled(masks, MASK2FORMER_SIZE)
    if subtask == "semantic":
        return semantic(class_scores(classes, masks), size)
    threshold, mask_threshold = parameters["threshold"], parameters["mask_threshold"]
    overlap = parameters["overlap_mask_area_threshold"]
    if subtask == "panoptic" or name == "Detr":
        scores, labels = classes.softmax(-1).max(-1)
        kept = (labels != classes.shape[-1] - 1) & (scores > threshold)
        return panoptic(masks[kept].sigmoid(), scores[kept], labels[kept], size, mask_threshold, overlap)
    scores, labels, masks = best_pairs(classes, masks)
    if name == "OneFormer":  # which weighs the logits of the masks, not their probabilities
        kept = scores > threshold
        return panoptic(masks[kept], scores[kept], labels[kept], size, mask_threshold, overlap)
    return instances(masks, scores, labels, size, threshold)


def semantic(scores: torch.Tensor, size: Size) -> Segments:
    """The class of each pixel.

    Args:
        scores: [classes, h, w]
    """
    numbers = strongest(scaled(one, size) for one in scores)
    labels = areas(numbers, len(scores)).nonzero().flatten().int().cpu().numpy()
    return Segments(numbers.cpu().numpy(), labels, labels, np.full(len(labels), np.nan, np.float32))


def class_scores(classes: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """[classes, h, w] how much all queries together speak for each class."""
    import torch

    return torch.einsum("bqc, bqhw -> bchw", classes[None].softmax(dim=-1)[..., :-1], masks[None].sigmoid())[0]


def panoptic(
    masks: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor, size: Size, mask_threshold: float, overlap: float
) -> Segments:
    """Each pixel belongs to the strongest query there (`compute_segments`). A query whose own mask others cover too
    much is dropped; nobody gets its pixels.

    Args:
        masks: [n, h, w], `scores` and `labels`: [n]
    """
    import torch

    if not len(masks):
        return nothing()
    covered = torch.zeros(len(masks), dtype=torch.int64, device=masks.device)

    def weighed() -> Iterator[torch.Tensor]:
        for number, (mask, score) in enumerate(zip(masks, scores, strict=True)):
            layer = scaled(mask, size).mul_(score)
            covered[number] = (layer >= mask_threshold).sum()
            yield layer

    numbers = strongest(weighed())
    won = areas(numbers, len(masks))
    # Shares are divided in single precision and compared in double, as there; 0 / 0 exceeds nothing.
    kept = ((won > 0) & (covered > 0) & ((won / covered).double() > overlap)).nonzero().flatten()
    return Segments(numbers.cpu().numpy(), kept.int().cpu().numpy(), integers(labels[kept]), floats(scores[kept]))


def best_pairs(classes: torch.Tensor, masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The best pairs of a query and a class, as many as queries: their scores [n], labels [n] and masks [n, h, w]."""
    # On the CPU, where the pipeline does it: the order in which it finds them is that of the answer, and a GPU has
    # another one.
    scores, best = classes.softmax(dim=-1)[:, :-1].flatten().cpu().topk(len(masks), sorted=False)
    count = classes.shape[-1] - 1
    best = best.to(masks.device)
    return scores.to(masks.device), best % count, masks[best // count]


def instances(
    masks: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor, size: Size, threshold: float
) -> Segments:
    """Masks are cut out by themselves; a later one covers those before it, which may leave a segment no pixel.

    Args:
        masks: [n, h, w] logits, `scores` and `labels`: [n]
    """
    import torch

    inside = masks > 0
    sure = (masks.sigmoid() * inside).flatten(1).sum(1) / (inside.flatten(1).sum(1) + 1e-6)
    scores = scores * sure
    rows, columns = (nearest(*lengths) for lengths in zip(masks.shape[1:], size, strict=True))
    rows, columns = rows.to(masks.device), columns.to(masks.device)
    visible = inside[:, rows.unique()][:, :, columns.unique()].flatten(1).any(1)
    kept = (visible & (scores.double() >= threshold)).nonzero().flatten()
    if not len(kept):
        return nothing()
    # Covered before they are scaled: of the nearest pixels that comes to the same.
    numbers = torch.full(masks.shape[1:], -1, dtype=torch.int16, device=masks.device)
    for number in kept.tolist():
        numbers[inside[number]] = number
    segmentation = numbers[rows][:, columns].cpu().numpy()
    return Segments(segmentation, integers(kept), integers(labels[kept]), floats(scores[kept]))


def processors_own(
    processor: Any, subtask: str, outputs: Any, row: int, size: Size, parameters: dict[str, Any]
) -> Segments:
    """As the checkpoint's image processor makes them: those that came after 4.48."""
    # Some make their maps on the CPU, whatever the device; the pipeline has everything there.
    tensors = {name: value for name, value in outputs.items() if hasattr(value, "is_floating_point")}
    alone = type(outputs)(
        {
            name: (value.float() if value.is_floating_point() else value)[row : row + 1].cpu()
            for name, value in tensors.items()
        }
    )
    post_process = getattr(processor, f"post_process_{subtask}_segmentation")
    if subtask == "semantic":
        segmentation = post_process(alone, target_sizes=[size])[0].short().numpy()
        labels = np.unique(segmentation).astype(np.int32)
        return Segments(segmentation, labels, labels, np.full(len(labels), np.nan, np.float32))
    thresholds = {name: value for name, value in parameters.items() if name.endswith("threshold")}
    found = post_process(alone, target_sizes=[size], **thresholds)[0]
    ids, labels, scores = (
        np.array([info[name] for info in found["segments_info"]], dtype)
        for name, dtype in (("id", np.int32), ("label_id", np.int32), ("score", np.float32))
    )
    return Segments(found["segmentation"].short().numpy(), ids, labels, scores)


def nothing() -> Segments:
    none = np.empty(0, np.int32)
    return Segments(np.empty((0, 0), np.int16), none, none, np.empty(0, np.float32))


def scaled(layers: torch.Tensor, size: Size) -> torch.Tensor:
    """[..., h, w] in another size, bilinear: a new tensor."""
    from torch.nn.functional import interpolate

    shaped = layers if layers.ndim == 3 else layers[None]
    return interpolate(shaped[None], size=size, mode="bilinear", align_corners=False)[0].view(*layers.shape[:-2], *size)


def nearest(length: int, wanted: int) -> torch.Tensor:
    """[wanted] INT64, which of `length` pixels in a row stands at each place when they are scaled to `wanted`."""
    import torch
    from torch.nn.functional import interpolate

    return interpolate(torch.arange(length)[None, None].float(), size=wanted, mode="nearest")[0, 0].long()


def strongest(layers: Iterable[torch.Tensor]) -> torch.Tensor:
    """[height, width] INT16, which layer [height, width] is the largest at each pixel, the first one of equals. Layers
    are looked at one by one, and written over."""
    import torch

    each = iter(layers)
    best = next(each)
    numbers = torch.zeros(best.shape, dtype=torch.int16, device=best.device)
    for number, layer in enumerate(each, 1):
        numbers.masked_fill_(layer > best, number)
        torch.maximum(best, layer, out=best)
    return numbers


def areas(numbers: torch.Tensor, count: int) -> torch.Tensor:
    """[count] how many pixels have each number."""
    return numbers.flatten().bincount(minlength=count)


def integers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.int().cpu().numpy()


def floats(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()
