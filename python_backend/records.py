"""Results of different lengths as rectangular tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from python_backend.stage import Tensors


def columns(rows: Sequence[Sequence[tuple[Any, ...]]], padding: dict[str, str | int | float]) -> Tensors:
    """Each item's records, one value for each name in `padding`, as a tensor [batch, most records] for each name.

    Shorter rows end in the padding; COUNT [batch, 1] says how many records of a row are real.
    """
    longest = max(map(len, rows))
    blank = tuple(padding.values())
    padded = [[*records, *[blank] * (longest - len(records))] for records in rows]
    tensors: Tensors = {"COUNT": np.array([[len(records)] for records in rows])}
    for at, (name, fill) in enumerate(padding.items()):
        values = [[record[at] for record in records] for records in padded]
        tensors[name] = np.array(values, object if isinstance(fill, str) else type(fill))
    return tensors
