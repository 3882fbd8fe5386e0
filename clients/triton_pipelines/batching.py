"""Items into batches, rows into the tensors of a request, and responses back into rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from .tasks.base import Row
from .transport import Tensors

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[tuple[int, T]]]:
    """Items with their positions, `size` at a time, pulled as they are needed.

    When the iterable raises, the items before that come first and its exception after them.
    """
    batch: list[tuple[int, T]] = []
    failure: Exception | None = None
    numbered = enumerate(items)
    while True:
        try:
            entry = next(numbered, None)
        except Exception as error:
            entry, failure = None, error
        if entry is not None:
            batch.append(entry)
        if batch and (entry is None or len(batch) == size):
            yield batch
            batch = []
        if entry is None:
            break
    if failure is not None:
        raise failure


def runs(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows where the next one does not stack on the last: it has other tensors, or other shapes."""
    start = 0
    for _, group in itertools.groupby(rows, _signature):
        count = sum(1 for _ in group)
        yield rows[start : start + count]
        start += count


def _signature(row: Row) -> list[tuple[str, tuple[int, ...]]]:
    return sorted((name, tensor.shape) for name, tensor in row.items())


def stack(rows: Sequence[Row]) -> Tensors:
    """Rows of equal shapes as tensors with the batch dimension first."""
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def unstack(tensors: Tensors, count: int) -> list[Row]:
    """Tensors with the batch dimension first as `count` rows."""
    return [{name: tensor[row] for name, tensor in tensors.items()} for row in range(count)]
