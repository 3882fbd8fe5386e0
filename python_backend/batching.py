"""Merge ragged requests into rows, cut the rows into length-aware micro-batches, hand each request its rows back.

Padding is what makes mixed lengths slow: a batch costs its number of rows times its longest row. So rows are sorted by
length and cut where it pays: `plan` finds the cuts with the least padded tokens plus a fixed price for every pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

Tensors = dict[str, np.ndarray]
Row = TypeVar("Row")


def plan(lengths: np.ndarray, max_tokens: int, pass_cost: int) -> list[np.ndarray]:
    """Cut rows into micro-batches of similar length, longest first.

    Args:
        lengths: [rows] tokens of each row; rows of length 0 are in no micro-batch.
        max_tokens: rows times longest row of a micro-batch stay within it (a single longer row runs alone).
        pass_cost: what one more pass costs, in tokens.

    Returns:
        Arrays of row indices. Their cost, padded tokens plus `pass_cost` a pass, is the least there is among cuts of
        the rows sorted by length.
    """
    order = np.argsort(-lengths, kind="stable")
    order = order[: np.count_nonzero(lengths)]
    if not len(order):
        return []
    # Cuts between rows of equal length save nothing, so a segment starts where the length changes.
    descending = lengths[order]
    starts = np.flatnonzero(np.diff(descending, prepend=-1))
    ends = np.append(starts[1:], len(order))
    # least[i]: the least cost of all rows from starts[i] on; cut[i]: where its first segment ends.
    least = np.zeros(len(starts) + 1)
    cut = np.zeros(len(starts), int)
    for i in range(len(starts) - 1, -1, -1):
        tokens = descending[starts[i]] * (ends[i:] - starts[i])
        costs = tokens + pass_cost * np.ceil(tokens / max_tokens) + least[i + 1 :]
        best = int(np.argmin(costs))
        least[i], cut[i] = costs[best], i + best + 1
    batches = []
    i = 0
    while i < len(starts):
        segment = order[starts[i] : ends[cut[i] - 1]]
        rows = max(1, max_tokens // int(descending[starts[i]]))
        batches += np.array_split(segment, -(-len(segment) // rows))
        i = cut[i]
    return batches


class Rows:
    """The rows of several requests, as one batch.

    Args:
        requests: each request's tensors, with one shape of leading dimensions: [batch, ...] or, with
            `row_dimensions=2`, [batch, rows, ...].
        row_dimensions: how many leading dimensions number the rows.
        padding: what fills a tensor behind a row's end, by name; 0 for others.

    `origins` names the request of each row, and the row's number in it.
    """

    def __init__(
        self, requests: Sequence[Tensors], row_dimensions: int = 1, padding: dict[str, int] | None = None
    ) -> None:
        first = next(iter(requests[0]))
        self.padding = padding or {}
        self.shapes = [request[first].shape[:row_dimensions] for request in requests]
        self.counts = [int(np.prod(shape)) for shape in self.shapes]
        self.origins = [(request, row) for request, count in enumerate(self.counts) for row in range(count)]
        self.tensors = {
            name: [row for request in requests for row in _flatten(request[name], row_dimensions)]
            for name in requests[0]
        }

    def __len__(self) -> int:
        return sum(self.counts)

    def lengths(self) -> np.ndarray:
        """[rows] how many tokens of each row are real, by its attention_mask (padding is on the right)."""
        return np.fromiter((np.count_nonzero(row) for row in self.tensors["attention_mask"]), int, len(self))

    def by_shape(self, max_rows: int) -> list[np.ndarray]:
        """Row indices in groups of equal shapes, at most `max_rows` in each: batches that need no padding."""
        groups: dict[tuple[tuple[int, ...], ...], list[int]] = defaultdict(list)
        for index, row in enumerate(zip(*self.tensors.values(), strict=True)):
            groups[tuple(tensor.shape for tensor in row)].append(index)
        return [
            np.array(group[at : at + max_rows]) for group in groups.values() for at in range(0, len(group), max_rows)
        ]

    def padded(self, indices: np.ndarray, width: int) -> Tensors:
        """The tensors of some rows, cut to their own lengths and padded to `width`: [len(indices), width, ...] each.
        Cut, since what a request's shorter rows were padded with on their way here may not be what pads a batch."""
        batch = {}
        ends = [min(np.count_nonzero(self.tensors["attention_mask"][index]), width) for index in indices]
        for name, rows in self.tensors.items():
            row = rows[indices[0]]
            array = np.full((len(indices), width, *row.shape[1:]), self.padding.get(name, 0), row.dtype)
            for at, (index, end) in enumerate(zip(indices, ends, strict=True)):
                array[at, :end] = rows[index][:end]
            batch[name] = array
        return batch

    def stacked(self, indices: np.ndarray) -> Tensors:
        """The tensors of rows of equal shape: [len(indices), ...] each."""
        return {name: np.stack([rows[index] for index in indices]) for name, rows in self.tensors.items()}

    def split(self, rows: Sequence[np.ndarray | None]) -> Iterator[np.ndarray]:
        """Each request's array, [batch, ...] or [batch, rows, ...], out of one output's rows in order.

        Rows may differ in shape: they are padded with zeros at the end of each dimension to the request's largest. None
        stands for a row that was not run, and gives zeros; a request has at least one that was.
        """
        at = 0
        for shape, count in zip(self.shapes, self.counts, strict=True):
            joined = pad(rows[at : at + count])
            yield joined.reshape(*shape, *joined.shape[1:])
            at += count


def in_groups(
    rows: Sequence[Row], key: Callable[[Row], Hashable], size: Callable[[Row], int], run: Callable[[list[Row]], Any]
) -> list[Any]:
    """What `run` makes of each of the rows, in their order: it gets rows of equal `key` together, at most `size` (of
    the first of them; at least 1) at a time."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        groups[key(row)].append(index)
    results: list[Any] = [None] * len(rows)
    for group in groups.values():
        step = max(1, size(rows[group[0]]))
        for at in range(0, len(group), step):
            indices = group[at : at + step]
            for index, result in zip(indices, run([rows[index] for index in indices]), strict=True):
                results[index] = result
    return results


def pad(rows: Sequence[np.ndarray | None], fill: float = 0) -> np.ndarray:
    """Rows of one rank, padded at the end of each dimension to the largest: [rows, largest, ...]. None: all padding."""
    real = [row for row in rows if row is not None]
    largest = np.max([row.shape for row in real], axis=0, initial=0)
    joined = np.full((len(rows), *largest.astype(int)), fill, real[0].dtype)
    for at, row in enumerate(rows):
        if row is not None:
            joined[(at, *map(slice, row.shape))] = row
    return joined


def grouped(tensors: Tensors, counts: Sequence[int]) -> Tensors:
    """Tensors [rows, ...] of items with `counts` rows each, as [items, most rows of an item, ...], padded with
    zeros."""
    ends = np.cumsum(counts)[:-1]
    return {name: pad(np.split(tensor, ends)) for name, tensor in tensors.items()}


def _flatten(tensor: np.ndarray, dimensions: int) -> np.ndarray:
    return tensor if dimensions == 1 else tensor.reshape(-1, *tensor.shape[dimensions:])
