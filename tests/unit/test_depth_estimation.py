"""Depth estimation: depth in the sizes of the pictures, and as pictures."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from python_backend.tasks.depth_estimation import picture, without_padding
from tests.unit.ensemble import Ensemble, text
from tests.unit.pictures import NARROW, SCENE, SMALL, TALL, check_batches


@pytest.fixture(scope="module", params=["dpt", "glpn", "depth_anything"])
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("depth_estimation", checkpoints / f"depth_estimation_{request.param}")


def test_answers_do_not_depend_on_neighbours(each: Ensemble) -> None:
    check_batches(each, (SCENE, SMALL))


def test_depth_has_the_size_of_its_picture(checkpoints: Path) -> None:
    dpt = Ensemble("depth_estimation", checkpoints / "depth_estimation_dpt")
    result = dpt({"IMAGE": text(TALL, NARROW)})
    assert result["depth_size"].tolist() == [[30, 20], [100, 24]] and result["predicted_depth"].shape == (2, 100, 24)
    for row, (height, width) in enumerate(result["depth_size"]):
        shown = Image.open(io.BytesIO(result["DEPTH"][row, 0]))
        assert shown.size == (width, height) and shown.mode == "L" and shown.getextrema() == (0, 255)


def test_a_plane_is_black() -> None:
    assert picture(np.full((2, 3), 7, np.float32)).getextrema() == (0, 0)


@pytest.mark.parametrize(("height", "width"), [(24, 32), (90, 120)])
def test_zoedepths_border_is_cut_off(height: int, width: int) -> None:
    """As ZoeDepthImageProcessor of 4.48: what lies in the middle of a picture comes back there."""
    rows, columns = int(np.sqrt(height / 2) * 3), int(np.sqrt(width / 2) * 3)
    depth = torch.zeros(1, height + 2 * rows, width + 2 * columns)
    depth[0, rows : rows + height, columns : columns + width] = 1

    class Outputs:
        predicted_depth = depth

    (found,) = without_padding(Outputs(), [(height, width)], padded=True)
    assert found["predicted_depth"].shape == (height, width)
    assert (found["predicted_depth"] == 1).all()
    (whole,) = without_padding(Outputs(), [depth.shape[1:]], padded=False)
    assert torch.equal(whole["predicted_depth"], depth[0])
