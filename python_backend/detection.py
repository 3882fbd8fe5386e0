"""Boxes out of a model, as image processors make them: {"scores": [n], "labels": [n], "boxes": [n, 4]} a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from python_backend import checkpoint
from python_backend.forward import Pass, to_numpy
from python_backend.stage import Request, Stage, Tensors

if TYPE_CHECKING:
    import torch


def target_sizes(batch: Pass, device: torch.device) -> torch.Tensor:
    """[rows, 2] height and width of the picture of each row."""
    import torch

    sizes = np.stack([request.tensors["target_size"][row] for request, row in batch.origins])
    return torch.from_numpy(sizes).to(device)


def above(found: dict[str, Any], threshold: float) -> dict[str, Any]:
    """The boxes of a picture whose score exceeds the threshold."""
    keep = found["scores"] > threshold
    return {name: found[name][keep] for name in ("scores", "labels", "boxes")}


def boxes(pictures: Sequence[dict[str, Any]]) -> dict[str, list[np.ndarray]]:
    """The results of a pass: corners in whole pixels, cut off as the pipelines cut them, and the count of each row."""
    return {
        "scores": [to_numpy(found["scores"]) for found in pictures],
        "labels": [to_numpy(found["labels"].int()) for found in pictures],
        "boxes": [to_numpy(found["boxes"].int()) for found in pictures],
        "count": [np.array([len(found["scores"])], np.int32) for found in pictures],
    }


class LabelPostprocess(Stage):
    """labels [batch, n] and count [batch, 1] to LABEL [batch, n]: the checkpoint's names, "" behind the last."""

    def load(self) -> None:
        names = checkpoint.read_json(self.folder, "config.json").get("id2label") or {}
        self.names = {int(number): name for number, name in names.items()}

    def process(self, request: Request) -> Tensors:
        labels, counts = request.tensors["labels"], request.tensors["count"]
        named = np.full(labels.shape, "", object)
        for row, (numbers, (count,)) in enumerate(zip(labels.tolist(), counts.tolist(), strict=True)):
            named[row, :count] = [self.names.get(number, f"LABEL_{number}") for number in numbers[:count]]
        return {"LABEL": named}
