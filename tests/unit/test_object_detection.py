"""Object detection: boxes that do not depend on neighbours, thresholds of each request, and no box at all."""

from pathlib import Path

import numpy as np
import pytest

from python_backend.parameters import InvalidInput
from python_backend.stage import Request
from python_backend.tasks.object_detection import PARAMETERS, Postprocess
from tests.unit.ensemble import Ensemble, text
from tests.unit.pictures import NARROW, SCENE, check_batches, modules_of_preprocess
from tests.unit.test_images import png_header


@pytest.fixture(scope="module", params=["detr", "yolos", "rt_detr"])
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("object_detection", checkpoints / f"object_detection_{request.param}")


def test_answers_do_not_depend_on_neighbours(each: Ensemble) -> None:
    check_batches(each, threshold=0.2)


def test_requests_of_one_pass_have_thresholds_of_their_own(each: Ensemble) -> None:
    middle = float(np.median(each({"IMAGE": text(SCENE)}, threshold=0.0)["scores"]))
    low, high = each.batch(*(({"IMAGE": text(SCENE)}, {"threshold": threshold}) for threshold in (0.0, middle)))
    assert isinstance(low, dict) and isinstance(high, dict)
    assert 0 < high["count"][0, 0] < low["count"][0, 0]
    kept = low["scores"] > middle
    np.testing.assert_array_equal(high["boxes"], low["boxes"][kept][None])


def test_a_picture_without_boxes_beside_one_with(each: Ensemble) -> None:
    nothing = each({"IMAGE": text(SCENE, NARROW)}, threshold=1.0)
    assert nothing["count"].tolist() == [[0], [0]] and nothing["LABEL"].shape == (2, 0)
    assert nothing["boxes"].shape == (2, 0, 4)


def test_bombs_are_refused(each: Ensemble) -> None:
    with pytest.raises(InvalidInput, match="max_image_pixels"):
        each({"IMAGE": text(png_header(50_000, 50_000))})


def test_labels_are_the_checkpoints_names(checkpoints: Path) -> None:
    stage = Postprocess.local(checkpoints / "object_detection_detr")
    tensors = {"labels": np.array([[2, 0], [5, 0]], np.int32), "count": np.array([[2], [1]], np.int32)}
    named = stage.process(Request(tensors, PARAMETERS.parse({})))["LABEL"]
    assert named.tolist() == [["fox", "cat"], ["cow", ""]]


def test_a_served_preprocessor_leaves_pytorch_out(checkpoints: Path) -> None:
    sent = '{"IMAGE": text((data / "scene.jpg").read_bytes())}'
    assert modules_of_preprocess("object_detection", checkpoints, "object_detection_detr", sent) == "NoneType"
