"""Zero-shot image classification: labels of each image, encoded once for all images that share them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from python_backend.candidate_labels import LabelTokenizer
from python_backend.labelled import texts_of
from python_backend.parameters import InvalidInput
from python_backend.stage import Request
from tests.unit.ensemble import Ensemble, Sent, lists, text
from tests.unit.pictures import NARROW, SCENE, TINY, check_batches, labels

TASK = "zero_shot_image_classification"
WORDS = labels("house", "a white whale", "Alice")


@pytest.fixture(scope="module", params=["clip", "siglip", "chinese_clip"])
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble(TASK, checkpoints / f"{TASK}_{request.param}")


@pytest.fixture(scope="module")
def clip(checkpoints: Path) -> Ensemble:
    return Ensemble(TASK, checkpoints / f"{TASK}_clip", max_candidate_labels="50", max_text_bytes="2000")


def test_answers_do_not_depend_on_neighbours(each: Ensemble) -> None:
    check_batches(each, more={"CANDIDATE_LABELS": WORDS})


def test_requests_may_differ_in_labels(each: Ensemble) -> None:
    sent: list[Sent] = [
        ({"IMAGE": text(SCENE), "CANDIDATE_LABELS": WORDS}, {}),
        ({"IMAGE": text(NARROW), "CANDIDATE_LABELS": labels("the best of times", "sea")}, {}),
        ({"IMAGE": text(TINY, SCENE), "CANDIDATE_LABELS": lists(["sea"], ["house", "Alice"])}, {}),
    ]
    for (tensors, _), result in zip(sent, each.batch(*sent), strict=True):
        assert isinstance(result, dict)
        np.testing.assert_allclose(result["SCORE"], each(tensors)["SCORE"], atol=1e-5)
    last = each(sent[2][0])
    assert last["COUNT"].tolist() == [[1], [2]] and last["LABEL"][0].tolist() == [b"sea", b""]


def test_equal_labels_share_a_pass(clip: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    forward = clip.model.forward_rows
    monkeypatch.setattr(clip.model, "forward_rows", lambda rows: passes.append(len(rows)) or forward(rows))  # type: ignore[func-returns-value]
    request: Sent = ({"IMAGE": text(SCENE), "CANDIDATE_LABELS": WORDS}, {})
    other: Sent = ({"IMAGE": text(SCENE), "CANDIDATE_LABELS": labels("sea")}, {})
    clip.batch(request, other, request, request)
    assert sorted(passes) == [1, 3]


@pytest.mark.parametrize(
    ("words", "parameters", "message"),
    [
        (np.empty((1, 0), object), {}, "at least one label"),
        (labels(""), {}, "at least one label"),
        (labels(*["a"] * 10_000), {}, "10,000 labels; this deployment takes 50"),
        (labels("a" * 3000), {}, "max_text_bytes"),
        (labels("a"), {"hypothesis_template": "no place"}, "hypothesis_template"),
        (labels("a"), {"hypothesis_template": "{:>999999999}"}, "hypothesis_template"),
        (labels(" ".join(["whale"] * 60)), {}, "tokens; the model takes 32"),
        (np.array([[b"\xff"]], object), {}, "UTF-8"),
    ],
)
def test_labels_that_cannot_be_fail_alone(
    clip: Ensemble, words: np.ndarray, parameters: dict[str, str], message: str
) -> None:
    refused, answered = clip.batch(
        ({"IMAGE": text(SCENE), "CANDIDATE_LABELS": words}, parameters),
        ({"IMAGE": text(SCENE), "CANDIDATE_LABELS": WORDS}, {}),
    )
    assert isinstance(refused, InvalidInput) and isinstance(answered, dict)
    with pytest.raises(InvalidInput, match=message):
        raise refused


def test_texts_of_siglip_are_as_long_as_its_positions_and_masked_where_the_tokenizer_masks(
    checkpoints: Path, tmp_path: Path
) -> None:
    shutil.copytree(checkpoints / f"{TASK}_siglip", tmp_path, dirs_exist_ok=True)
    for name, change in (
        ("config.json", lambda config: config["text_config"].pop("max_position_embeddings")),
        ("tokenizer_config.json", lambda config: config.pop("model_max_length")),
    ):
        content = json.loads((tmp_path / name).read_text())
        change(content)
        (tmp_path / name).write_text(json.dumps(content))
    tokenizer = LabelTokenizer(tmp_path)
    filled = tokenizer.labels([["house", "a white whale"]], {})
    assert filled["input_ids"].shape == (1, 2, 64) and filled["text_lengths"].tolist() == [[64, 64]]
    tokenizer.masks = True
    masked = tokenizer.labels([["house", "a white whale"]], {})
    np.testing.assert_array_equal(masked["input_ids"], filled["input_ids"])
    assert (masked["text_lengths"] < 64).all()
    request = Request({"input_ids": masked["input_ids"], "text_lengths": masked["text_lengths"]}, {})
    assert texts_of(request, 0, filled_up=True)[0].shape == (2, 64)
    assert texts_of(request, 0)[0].shape == (2, masked["text_lengths"].max())
