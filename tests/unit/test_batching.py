"""Rows of ragged requests: cut into batches that pad little, and back to their requests in order."""

from itertools import pairwise

import numpy as np
import pytest

from python_backend.batching import Rows, in_groups, pad, plan


def cost(lengths: np.ndarray, batches: list[np.ndarray], pass_cost: int) -> int:
    return sum(len(batch) * int(lengths[batch].max()) + pass_cost for batch in batches)


@pytest.mark.parametrize("seed", range(5))
def test_plan_runs_every_row_once_within_the_budget(seed: int) -> None:
    lengths = np.random.default_rng(seed).integers(1, 400, 200)
    batches = plan(lengths, max_tokens=2048, pass_cost=32)
    assert sorted(np.concatenate(batches)) == list(range(200))
    assert all(len(batch) * lengths[batch].max() <= 2048 for batch in batches)


def test_plan_finds_the_cheapest_cuts() -> None:
    lengths = np.array([5, 6, 50, 7, 51, 400])
    batches = plan(lengths, max_tokens=10_000, pass_cost=20)
    assert [sorted(batch) for batch in batches] == [[5], [2, 4], [0, 1, 3]]
    # No cut of the sorted rows is cheaper.
    order = np.argsort(-lengths)
    for cuts in range(2 ** (len(lengths) - 1)):
        points = [0, *(at + 1 for at in range(5) if cuts >> at & 1), 6]
        other = [order[a:b] for a, b in pairwise(points)]
        assert cost(lengths, batches, 20) <= cost(lengths, other, 20)


def test_plan_pads_little_on_mixed_lengths() -> None:
    lengths = np.random.default_rng(0).integers(5, 400, 64)
    batches = plan(lengths, max_tokens=16_384, pass_cost=32)
    assert cost(lengths, batches, 0) < 1.1 * lengths.sum()
    assert len(batches) < 32


def test_plan_without_pass_cost_pads_nothing() -> None:
    lengths = np.array([3, 5, 3, 4, 5])
    assert [sorted(batch) for batch in plan(lengths, 100, 0)] == [[1, 4], [3], [0, 2]]


def test_plan_leaves_out_empty_rows_and_runs_an_oversized_one_alone() -> None:
    assert plan(np.array([0, 0]), 10, 1) == []
    assert [list(batch) for batch in plan(np.array([0, 99, 2]), 10, 1)] == [[1], [2]]


def request(*lengths: int) -> dict[str, np.ndarray]:
    mask = np.array([[1] * length + [0] * (max(lengths) - length) for length in lengths])
    return {"input_ids": mask * 7, "attention_mask": mask}


def test_rows_come_back_to_their_requests_in_order() -> None:
    rows = Rows([request(3), request(2, 5), request(4)], padding={"input_ids": 1})
    assert rows.lengths().tolist() == [3, 2, 5, 4]
    batch = rows.padded(np.array([2, 0]), 5)
    assert batch["input_ids"].tolist() == [[7] * 5, [7, 7, 7, 1, 1]]
    assert batch["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    batch = rows.padded(np.array([1]), 4)  # came with zeros behind its end
    assert batch["input_ids"].tolist() == [[7, 7, 1, 1]]
    outputs = [np.full((length, 2), at) for at, length in enumerate([3, 2, 5, 4])]
    first, second, third = rows.split(outputs)
    assert first.shape == (1, 3, 2) and third.shape == (1, 4, 2)
    assert second[0, :, 0].tolist() == [1, 1, 0, 0, 0] and second[1, :, 0].tolist() == [2] * 5


def test_rows_of_two_dimensions_skip_padding_rows() -> None:
    mask = np.array([[[1, 1], [1, 0]], [[1, 1], [0, 0]]])
    rows = Rows([{"input_ids": mask, "attention_mask": mask}], row_dimensions=2)
    assert rows.lengths().tolist() == [2, 1, 2, 0]
    (scores,) = rows.split([np.array([1.0]), np.array([2.0]), np.array([3.0]), None])
    assert scores.tolist() == [[[1.0], [2.0]], [[3.0], [0.0]]]


def test_rows_by_shape_batch_without_padding() -> None:
    images = [np.zeros((2, 3, 4, 4)), np.zeros((1, 3, 8, 4)), np.ones((1, 3, 4, 4))]
    rows = Rows([{"pixel_values": image} for image in images])
    assert [group.tolist() for group in rows.by_shape(max_rows=2)] == [[0, 1], [3], [2]]
    assert rows.stacked(np.array([0, 3]))["pixel_values"].shape == (2, 3, 4, 4)


def test_pad_keeps_the_dtype() -> None:
    padded = pad([np.array([1, 2], np.int32), np.array([3], np.int32)], fill=-1)
    assert padded.tolist() == [[1, 2], [3, -1]] and padded.dtype == np.int32


def test_groups_run_together_within_their_size_and_come_back_in_order() -> None:
    runs: list[list[int]] = []

    def run(rows: list[int]) -> list[int]:
        runs.append(rows)
        return [10 * row for row in rows]

    rows = [1, 2, 3, 5, 4, 7]
    assert in_groups(rows, lambda row: row % 2, lambda first: 2 if first == 1 else 0, run) == [10, 20, 30, 50, 40, 70]
    assert runs == [[1, 3], [5, 7], [2], [4]]
