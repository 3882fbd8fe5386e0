"""Items into batches, rows into the tensors of a request, and responses back into rows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from .tasks.base import Row
from .transport import Array, Tensors

T = TypeVar("T")
REQUEST_BYTES = 32 << 20
"""Of the rows of one request. A row that is larger goes alone."""


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


async def abatched(items: Iterable[T] | AsyncIterable[T], size: int) -> AsyncGenerator[list[tuple[int, T]], None]:
    """The same of asynchronous iterables too."""
    if not isinstance(items, AsyncIterable):
        for batch in batched(items, size):
            yield batch
        return
    batch = []
    position = 0
    failure: Exception | None = None
    try:
        async for item in items:
            batch.append((position, item))
            position += 1
            if len(batch) == size:
                yield batch
                batch = []
    except Exception as error:
        failure = error
    if batch:
        yield batch
    if failure is not None:
        raise failure


class Group:
    """The rows of one request: all with the same tensors of the same shapes, and not too many bytes together."""

    def __init__(self) -> None:
        self.indices: list[int] = []
        self.items: list[Any] = []
        self.rows: list[Row] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.rows)

    def takes(self, row: Row) -> bool:
        return _signature(row) == _signature(self.rows[0]) and self._bytes + size_of(row) <= REQUEST_BYTES

    def add(self, index: int, item: Any, row: Row) -> None:
        self.indices.append(index)
        self.items.append(item)
        self.rows.append(row)
        self._bytes += size_of(row)

    def singles(self) -> Iterator[Group]:
        """Each row as a group of its own."""
        for entry in zip(self.indices, self.items, self.rows, strict=True):
            group = Group()
            group.add(*entry)
            yield group


def size_of(tensors: Mapping[str, Array]) -> int:
    """Bytes of the tensors."""
    return sum(_bytes(tensor) for tensor in tensors.values())


def _bytes(tensor: Array) -> int:
    return sum(len(value) + 4 for value in tensor.flat) if tensor.dtype == object else tensor.nbytes


def _signature(row: Row) -> list[tuple[str, tuple[int, ...]]]:
    return sorted((name, tensor.shape) for name, tensor in row.items())


def stack(rows: Sequence[Row]) -> Tensors:
    """Rows of equal shapes as tensors with the batch dimension first."""
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def unstack(tensors: Tensors, count: int) -> list[Row]:
    """Tensors with the batch dimension first as `count` rows."""
    return [{name: tensor[row] for name, tensor in tensors.items()} for row in range(count)]
