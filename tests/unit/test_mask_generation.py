"""Mask generation: points and crops, masks in bounded memory, and what 4.48 stumbles over."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from python_backend import mask_filter
from python_backend.mask_crops import Crop, crops, grid
from python_backend.mask_filter import Masks, boxes_of, cut_off, without_repeats
from python_backend.parameters import InvalidInput
from tests.unit.ensemble import Ensemble, text
from tests.unit.pictures import SCENE, SMALL, TINY, check_batches

GOOD: dict[str, Any] = {
    "points_per_crop": 6, "pred_iou_thresh": -1.0, "stability_score_thresh": 0.9, "mask_threshold": 130.0
}  # fmt: skip


@pytest.fixture(scope="module")
def sam(checkpoints: Path) -> Ensemble:
    return Ensemble("mask_generation", checkpoints / "mask_generation_sam", max_points="200")


def test_answers_do_not_depend_on_neighbours(sam: Ensemble) -> None:
    check_batches(sam, (SCENE, SMALL), **GOOD)


@pytest.mark.parametrize("points", [None, 1, 5, 7, 36, 1000])
def test_points_a_pass_change_nothing(sam: Ensemble, points: int | None) -> None:
    """In 4.48 they have to divide the number of points."""
    some = {} if points is None else {"points_per_batch": points}
    result = sam({"IMAGE": text(SMALL)}, **GOOD, **some)
    expected = sam({"IMAGE": text(SMALL)}, **GOOD)
    assert result["count"].tolist() == expected["count"].tolist() and result["count"] > 0
    np.testing.assert_array_equal(result["mask_bits"], expected["mask_bits"])


def test_masks_scaled_up_in_pieces_are_the_same(sam: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = sam({"IMAGE": text(SCENE)}, **GOOD)
    monkeypatch.setattr(mask_filter, "CHUNK", 90 * 120 * 2)
    np.testing.assert_array_equal(sam({"IMAGE": text(SCENE)}, **GOOD)["mask_bits"], expected["mask_bits"])


def test_crops_add_masks(sam: Ensemble) -> None:
    """4.48 fails on crops."""
    settings = {**GOOD, "crops_nms_thresh": 1.0, "stability_score_thresh": -1.0, "mask_threshold": 200.0}
    whole = sam({"IMAGE": text(SCENE)}, **settings)
    parts = sam({"IMAGE": text(SCENE)}, **settings, crops_n_layers=1)
    assert parts["crop_boxes"].shape == (1, 5, 5) and parts["count"] > whole["count"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"points_per_crop": 15}, "more points than the 200"),
        ({"points_per_crop": 10**9}, "more points than the 200"),
        ({"crops_n_layers": 2}, "more points than the 200"),
        ({"crops_n_layers": 3, "points_per_crop": 1}, r"more crops of 1 images than the 32 .* \(max_crops\)"),
        ({"crops_n_layers": 10**6}, "max_crops"),
        ({"crops_n_layers": 2, "crop_n_points_downscale_factor": 9}, "no points"),
    ],
)
def test_too_many_points_are_refused(sam: Ensemble, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        sam({"IMAGE": text(TINY)}, **{**GOOD, **parameters})


def test_crops_are_bounded_for_a_request(sam: Ensemble) -> None:
    """Each is a tensor of the model's full size: 85 of one picture took 4 GB while they were made."""
    settings = {**GOOD, "crops_n_layers": 2, "points_per_crop": 1}
    assert sam({"IMAGE": text(SCENE)}, **settings)["crop_boxes"].shape == (1, 21, 5)
    with pytest.raises(InvalidInput, match="more crops of 2 images"):
        sam({"IMAGE": text(SCENE, SMALL)}, **settings)


def test_a_request_has_a_deadline(checkpoints: Path) -> None:
    hurried = Ensemble("mask_generation", checkpoints / "mask_generation_sam", max_seconds="0")
    with pytest.raises(InvalidInput, match="max_seconds"):
        hurried({"IMAGE": text(TINY)}, **GOOD)


def test_masks_of_all_or_no_pixels(sam: Ensemble) -> None:
    """4.48 fails on both."""
    for threshold, box in ((-1e6, [0, 0, 31, 23]), (1e6, [0, 0, 0, 0])):
        settings = {**GOOD, "mask_threshold": threshold, "stability_score_thresh": -1.0}
        assert sam({"IMAGE": text(TINY)}, **settings)["boxes"][0, 0].tolist() == box


def test_crops_cover_the_picture() -> None:
    found = crops(90, 120, 2, 512 / 1500, 8, 2)
    assert [crop.points for crop in found] == [8] + [4] * 4 + [2] * 16
    covered = np.zeros((90, 120), int)
    for crop in found[1:5]:
        covered[crop.top : crop.bottom, crop.left : crop.right] += 1
    assert covered.min() == 1 and covered.max() == 4


def test_points_lie_in_the_middle_of_equal_parts() -> None:
    assert grid(2, (4, 8), (8, 16)).tolist() == [[4, 2], [12, 2], [4, 6], [12, 6]]


def test_boxes_of_masks() -> None:
    masks = torch.zeros(3, 4, 5, dtype=torch.bool)
    masks[0, 1:3, 2:5] = True
    masks[1] = True
    assert boxes_of(masks).tolist() == [[2, 1, 4, 2], [0, 0, 4, 3], [0, 0, 0, 0]]


def test_boxes_at_the_edge_of_a_crop_but_not_of_the_picture_are_cut_off() -> None:
    crop = Crop(0, 0, 100, 100, 1)
    boxes = torch.tensor([[30, 30, 60, 60], [30, 30, 90, 60], [0, 30, 60, 60]])
    assert cut_off(boxes, crop, (200, 200)).tolist() == [False, True, False]


def test_of_masks_that_overlap_the_best_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 5], [50, 50, 60, 60], [0, 0, 0, 0]], np.int32)
    masks = Masks(np.arange(5, dtype=np.uint8)[:, None], np.array([0.8, 0.9, 0.7, 0.1, 0.2], np.float32), boxes)
    kept = without_repeats(masks, 0.7)
    assert kept.bits.ravel().tolist() == [1, 2, 4, 3]
    assert without_repeats(masks, 0.99).scores.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.2, 0.1])
