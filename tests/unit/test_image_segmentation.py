"""Image segmentation: maps of segments that do not depend on neighbours, subtasks and thresholds of each request."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from python_backend.images import needs_torch
from python_backend.parameters import InvalidInput
from tests.unit.ensemble import Ensemble, text
from tests.unit.pictures import NARROW, SCENE, SMALL, check_batches, modules_of_preprocess

NAMES = ("segformer", "mask2former", "maskformer", "detr")


@pytest.fixture(scope="module", params=NAMES)
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("image_segmentation", checkpoints / f"image_segmentation_{request.param}")


def test_answers_do_not_depend_on_neighbours(each: Ensemble) -> None:
    check_batches(each, (SCENE, SMALL), threshold=0.3)


def test_masks_of_a_semantic_segmentation_are_a_partition(each: Ensemble) -> None:
    result = each({"IMAGE": text(SCENE, NARROW)}, subtask="semantic")
    assert np.isnan(result["scores"][0, 0])
    for row, size in enumerate(((90, 120), (100, 24))):
        count = result["count"][row, 0]
        masks = [np.asarray(Image.open(io.BytesIO(mask))) for mask in result["MASK"][row, :count]]
        assert all(mask.shape == size and set(np.unique(mask)) <= {0, 255} for mask in masks)
        assert (np.sum([mask > 0 for mask in masks], axis=0) == 1).all()
        assert (result["LABEL"][row, :count] != "").all() and (result["MASK"][row, count:] == b"").all()


def test_requests_of_one_pass_have_settings_of_their_own(checkpoints: Path) -> None:
    mask2former = Ensemble("image_segmentation", checkpoints / "image_segmentation_mask2former")
    settings: tuple[dict[str, Any], ...] = (
        {"threshold": 0.3},
        {"threshold": 0.99},
        {"subtask": "semantic"},
        {"subtask": "instance"},
    )
    results = mask2former.batch(*(({"IMAGE": text(SMALL)}, parameters) for parameters in settings))
    for parameters, result in zip(settings, results, strict=True):
        assert isinstance(result, dict)
        alone = mask2former({"IMAGE": text(SMALL)}, **parameters)
        assert result["count"].tolist() == alone["count"].tolist()
        assert result["LABEL"].tolist() == alone["LABEL"].tolist()


def test_what_a_model_cannot_do_fails_alone(checkpoints: Path) -> None:
    segformer = Ensemble("image_segmentation", checkpoints / "image_segmentation_segformer")
    refused, answered = segformer.batch(({"IMAGE": text(SMALL)}, {"subtask": "panoptic"}), ({"IMAGE": text(SMALL)}, {}))
    assert isinstance(refused, InvalidInput) and "panoptic is not supported" in str(refused)
    assert isinstance(answered, dict)


@pytest.mark.parametrize(("name", "torch"), [("segformer", "NoneType"), ("mask2former", "module")])
def test_pytorch_is_loaded_where_the_processor_needs_it(checkpoints: Path, name: str, torch: str) -> None:
    folder = f"image_segmentation_{name}"
    sent = '{"IMAGE": text((data / "scene.jpg").read_bytes())}'
    assert modules_of_preprocess("image_segmentation", checkpoints, folder, sent) == torch
    assert needs_torch(checkpoints / folder) == (torch == "module")
