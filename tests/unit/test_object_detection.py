"""Object detection: boxes that do not depend on neighbours, thresholds of each request, and no box at all."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from python_backend.parameters import InvalidInput
from python_backend.stage import Request
from python_backend.tasks.object_detection import PARAMETERS, Postprocess
from tests.unit.ensemble import Ensemble, text
from tests.unit.pictures import DATA, NARROW, SCENE, check_batches
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


DOCUMENT = (DATA / "document.png").read_bytes()
needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")


@pytest.fixture(scope="module")
def layout(checkpoints: Path) -> Ensemble:
    return Ensemble("object_detection", checkpoints / "object_detection_layoutlmv3")


@needs_tesseract
def test_words_of_a_document_have_the_boxes_that_tesseract_finds(layout: Ensemble) -> None:
    result = layout({"IMAGE": text(DOCUMENT)}, threshold=0.0)
    assert result["count"] == np.count_nonzero(result["attention_mask"])
    words = result["boxes"][0][result["boxes"][0].any(axis=1)]
    assert len(np.unique(words, axis=0)) == 6  # four words and two
    assert (words[:, 0] < words[:, 2]).all() and (words[:, 3] <= 160).all()
    check_batches(layout, (DOCUMENT, SCENE), threshold=0.0)


@needs_tesseract
def test_more_words_than_the_model_takes(layout: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout.preprocess.words.tokenizer, "max_tokens", 4)
    with pytest.raises(InvalidInput, match="tokens of text; the model takes 4"):
        layout({"IMAGE": text(DOCUMENT)})


def test_a_server_without_tesseract_says_so(layout: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="apt install tesseract-ocr"):
        layout({"IMAGE": text(DOCUMENT)})
