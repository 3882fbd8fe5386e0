"""Visual question answering: models that choose, and models that write."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from python_backend.parameters import InvalidInput
from tests.unit.ensemble import Ensemble, Sent, text
from tests.unit.pictures import NARROW, SCENE, TALL, TINY, check_batches

TASK = "visual_question_answering"
NAMES = ("vilt", "blip")


@pytest.fixture(scope="module")
def ensembles(checkpoints: Path) -> dict[str, Ensemble]:
    settings = {"max_batch_rows": "4", "max_text_bytes": "2000"}
    return {name: Ensemble(TASK, checkpoints / f"{TASK}_{name}", **settings) for name in NAMES}


def ask(picture: bytes, question: str) -> dict[str, np.ndarray]:
    return {"IMAGE": text(picture), "QUESTION": text(question)}


@pytest.mark.parametrize("name", NAMES)
def test_answers_do_not_depend_on_neighbours(ensembles: dict[str, Ensemble], name: str) -> None:
    check_batches(ensembles[name], (SCENE, NARROW, TINY, TALL), {"QUESTION": text("What is on the table?")})


@pytest.mark.parametrize("name", NAMES)
def test_requests_may_differ_in_questions(ensembles: dict[str, Ensemble], name: str) -> None:
    questions = ["What?", "Who had heard of the white whale?", "", "Is it the best of times?", "What?", "Who?"]
    sent: list[Sent] = [(ask(SCENE, question), {}) for question in questions]
    for (tensors, _), result in zip(sent, ensembles[name].batch(*sent), strict=True):
        assert isinstance(result, dict)
        alone = ensembles[name](tensors)
        assert result["ANSWER"].tolist() == alone["ANSWER"].tolist()
        np.testing.assert_allclose(result["SCORE"], alone["SCORE"], atol=1e-5)


def test_a_picture_with_many_questions_is_encoded_once(
    ensembles: dict[str, Ensemble], monkeypatch: pytest.MonkeyPatch
) -> None:
    ensemble = ensembles["blip"]
    seen = []
    encoder = ensemble.model.writer.model.vision_model
    handle = encoder.register_forward_pre_hook(
        lambda module, inputs, named: seen.append(len(named["pixel_values"])), with_kwargs=True
    )
    unfolded = []
    decode = ensemble.preprocess.decode
    monkeypatch.setattr(ensemble.preprocess, "decode", lambda data: unfolded.append(data) or decode(data))  # type: ignore[func-returns-value]
    try:
        request = {"IMAGE": text(SCENE, SCENE, TINY, SCENE), "QUESTION": text("One?", "Two?", "Too?", "Six?")}
        result = ensemble(request)
    finally:
        handle.remove()
    assert seen == [2] and len(unfolded) == 2
    assert result["ANSWER"][3].tolist() == ensemble(ask(SCENE, "Six?"))["ANSWER"][0].tolist()


def test_scores_come_best_first(ensembles: dict[str, Ensemble]) -> None:
    result = ensembles["vilt"](ask(SCENE, "What?"), top_k=100)
    scores = result["SCORE"][0]
    assert len(scores) == 9 and (np.diff(scores) <= 0).all() and scores[0] <= 1
    assert ensembles["vilt"](ask(SCENE, "What?"), top_k=1)["ANSWER"].tolist() == [[result["ANSWER"][0, 0]]]


@pytest.mark.parametrize(
    ("tensors", "parameters", "message"),
    [
        ({"QUESTION": text("whale " * 60)}, {}, "the model takes 40.*truncation=true"),
        ({"QUESTION": text(b"\xff")}, {}, "UTF-8"),
        ({"QUESTION": text("a" * 3000)}, {}, "max_text_bytes"),
    ],
)
def test_what_cannot_be_fails_alone(
    ensembles: dict[str, Ensemble], tensors: dict[str, np.ndarray], parameters: dict[str, Any], message: str
) -> None:
    refused, answered = ensembles["vilt"].batch(
        ({"IMAGE": text(SCENE), **tensors}, parameters), (ask(SCENE, "What?"), {})
    )
    assert isinstance(answered, dict)
    with pytest.raises(InvalidInput, match=message):
        raise refused  # type: ignore[misc]


@pytest.mark.parametrize("name", ["top_k", "padding", "truncation"])
def test_parameters_are_checked(ensembles: dict[str, Ensemble], name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        ensembles["vilt"](ask(SCENE, "What?"), **{name: 0})
