"""Crops of a picture and grids of points on them, where mask generation looks. No torch.

After `_generate_crop_boxes` of SamImageProcessor; points lie on their own crop, as in transformers 5 and SAM itself.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np


class Crop(NamedTuple):
    """A part of a picture, and how many points a side of the grid on it has."""

    left: int
    top: int
    right: int
    bottom: int
    points: int


def crops(height: int, width: int, layers: int, overlap_ratio: float, points: int, downscale: int) -> list[Crop]:
    """The whole picture, then for each layer n = 1, 2, ... 2**n by 2**n parts that overlap."""
    found = [Crop(0, 0, width, height, points)]
    for layer in range(1, layers + 1):
        side = 2**layer
        overlap = int(overlap_ratio * min(height, width) * (2 / side))
        part_width, part_height = (math.ceil((overlap * (side - 1) + whole) / side) for whole in (width, height))
        lefts, tops = ([int((part - overlap) * at) for at in range(side)] for part in (part_width, part_height))
        for left, top in itertools.product(lefts, tops):
            right, bottom = min(left + part_width, width), min(top + part_height, height)
            found.append(Crop(left, top, right, bottom, int(points / downscale**layer)))
    return found


def grid(side: int, size: tuple[int, int], reshaped: tuple[int, int]) -> np.ndarray:
    """[side * side, 2] x and y, float64: points spread evenly over a crop of `size` (height, width), in pixels of what
    the model sees of it, `reshaped` (height, width)."""
    offset = 1 / (2 * side)
    ticks = np.linspace(offset, 1 - offset, side)
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2) * (size[1], size[0])
    return points * (reshaped[1] / size[1], reshaped[0] / size[0])
