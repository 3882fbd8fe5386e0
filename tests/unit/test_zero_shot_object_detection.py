"""Zero-shot object detection: boxes of each label as if it were asked for alone."""

from pathlib import Path

import numpy as np
import pytest

from python_backend.parameters import InvalidInput
from python_backend.tasks.zero_shot_object_detection import best
from tests.unit.ensemble import Ensemble, Sent, text
from tests.unit.pictures import NARROW, SCENE, check_batches, labels

TASK = "zero_shot_object_detection"
WORDS = labels("house", "a white whale")


@pytest.fixture(scope="module", params=["owlvit", "owlv2", "grounding_dino"])
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble(TASK, checkpoints / f"{TASK}_{request.param}")


def test_answers_do_not_depend_on_neighbours(each: Ensemble) -> None:
    check_batches(each, (SCENE, NARROW), {"CANDIDATE_LABELS": WORDS}, threshold=0.5)


def test_labels_together_give_what_they_give_alone(each: Ensemble) -> None:
    together = each({"IMAGE": text(SCENE), "CANDIDATE_LABELS": WORDS}, threshold=0.3)
    for number, word in enumerate(WORDS[0]):
        alone = each({"IMAGE": text(SCENE), "CANDIDATE_LABELS": np.array([[word]], object)}, threshold=0.3)
        mine = together["labels"][0] == number
        np.testing.assert_allclose(together["scores"][0][mine], alone["scores"][0], atol=1e-5)
        assert (together["LABEL"][0][mine] == word).all()


def test_requests_of_one_pass_have_settings_of_their_own(each: Ensemble) -> None:
    request = {"IMAGE": text(SCENE), "CANDIDATE_LABELS": WORDS}
    settings = ({"threshold": 0.0}, {"threshold": 0.0, "top_k": 2}, {"threshold": 1.0})
    sent: list[Sent] = [(request, parameters) for parameters in settings]
    everything, two, none = each.batch(*sent)
    assert isinstance(everything, dict) and isinstance(two, dict) and isinstance(none, dict)
    assert everything["count"] > 2 and two["count"] == 2 and none["count"] == 0
    assert (np.diff(everything["scores"]) <= 0).all()
    np.testing.assert_array_equal(two["boxes"], everything["boxes"][:, :2])


def test_no_labels_are_refused(each: Ensemble) -> None:
    with pytest.raises(InvalidInput, match="at least one label"):
        each({"IMAGE": text(SCENE), "CANDIDATE_LABELS": labels("")})


def test_a_label_with_more_tokens_than_the_model_takes_is_refused(each: Ensemble) -> None:
    limit = each.preprocess.tokenizer.max_tokens
    assert limit <= each.model.model.config.text_config.max_position_embeddings
    each({"IMAGE": text(SCENE), "CANDIDATE_LABELS": labels("a " * (limit // 2))})
    with pytest.raises(InvalidInput, match=r"tokens; the model takes"):
        each({"IMAGE": text(SCENE), "CANDIDATE_LABELS": labels("a " * 2 * limit)})


def test_labels_are_bounded_all_together(each: Ensemble) -> None:
    with pytest.raises(InvalidInput, match=r"CANDIDATE_LABELS has 120,000 bytes in a row.*max_text_bytes"):
        each({"IMAGE": text(SCENE), "CANDIDATE_LABELS": labels("a" * 60_000, "b" * 60_000)})


def test_the_best_boxes_come_first_and_ties_by_label() -> None:
    import torch

    found = [
        {"scores": torch.tensor(scores), "boxes": torch.full((len(scores), 4), float(number))}
        for number, scores in enumerate(([0.5, 0.9], [0.5, 0.0]))
    ]
    result = best(found, threshold=-1.0, top_k=None)
    assert result["labels"].tolist() == [0, 0, 1] and result["count"].tolist() == [3]  # a score of 0 is none
