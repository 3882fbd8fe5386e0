"""Zero-shot classification: pairs of texts and hypotheses, their scores, and templates that are none."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from python_backend.candidate_labels import count_places
from python_backend.parameters import InvalidInput
from python_backend.stage import Request, Tensors
from python_backend.tasks.zero_shot_classification import Postprocess, Preprocess
from tests.unit.ensemble import Ensemble, Sent, lists, text

CHECKPOINTS = [f"zero_shot_classification_{name}" for name in ("bart", "deberta_v2", "bert")]
TEXT = "Call me Ishmael. Some years ago I thought I would sail about a little and see the watery part of the world."
LABELS = ["war", "love", "the sea", "animals"]


@pytest.fixture(scope="module", params=CHECKPOINTS)
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("zero_shot_classification", checkpoints / request.param)


@pytest.fixture(scope="module")
def bart(checkpoints: Path) -> Ensemble:
    settings = {"max_candidate_labels": "6", "max_text_bytes": "20000"}
    return Ensemble("zero_shot_classification", checkpoints / "zero_shot_classification_bart", **settings)


def classify(ensemble: Ensemble, premise: str, labels: list[str], **parameters: Any) -> Tensors:
    return ensemble({"TEXT": text(premise), "CANDIDATE_LABELS": lists(labels)}, **parameters)


def scores(result: Tensors, row: int = 0) -> dict[str, float]:
    count = result["COUNT"][row, 0]
    return dict(zip((label.decode() for label in result["LABEL"][row, :count]), result["SCORE"][row], strict=False))


@pytest.mark.parametrize("premise", ["", "The sea.", TEXT, TEXT * 20])
def test_pairs_are_those_of_the_tokenizer(each: Ensemble, premise: str) -> None:
    """However long the text is, which is tokenized once for all labels: each pair is as if tokenized by itself."""
    tokenizer = each.preprocess.tokenizer
    hypotheses = [f"This example is {label}." for label in LABELS]
    pairs = each.preprocess.encode([(premise, hypotheses)])
    tokenizer.backend.enable_truncation(tokenizer.max_tokens, strategy="only_first")
    expected = tokenizer.backend.encode_batch([(premise, hypothesis) for hypothesis in hypotheses])
    tokenizer.backend.no_truncation()
    assert [(pair.ids, pair.type_ids) for pair in pairs] == [(pair.ids, pair.type_ids) for pair in expected]


def test_scores_of_all_labels_sum_to_one_best_first(each: Ensemble) -> None:
    result = classify(each, TEXT, LABELS)
    assert result["SCORE"].sum() == pytest.approx(1)
    assert np.all(np.diff(result["SCORE"]) <= 0)
    assert sorted(scores(result)) == sorted(LABELS)


def test_multi_label_scores_each_label_by_itself(each: Ensemble) -> None:
    together = scores(classify(each, TEXT, LABELS, multi_label=True))
    for label in LABELS:
        for multi_label in (True, False):  # one label is scored as if it were multi_label
            alone = scores(classify(each, TEXT, [label], multi_label=multi_label))
            assert alone[label] == pytest.approx(together[label], abs=1e-5)


def test_requests_that_run_together_answer_as_they_do_alone(each: Ensemble) -> None:
    sent: list[Sent] = [
        ({"TEXT": text(TEXT), "CANDIDATE_LABELS": lists(LABELS)}, {}),
        ({"TEXT": text("War!", TEXT), "CANDIDATE_LABELS": lists(LABELS[:1], LABELS)}, {"multi_label": True}),
        ({"TEXT": text("The sea."), "CANDIDATE_LABELS": lists(LABELS[:2])}, {"hypothesis_template": "It is {}"}),
    ]
    for request, together in zip(sent, each.batch(*sent), strict=True):
        (alone,) = each.batch(request)
        assert isinstance(together, dict) and isinstance(alone, dict)
        np.testing.assert_array_equal(together["LABEL"], alone["LABEL"])
        np.testing.assert_allclose(together["SCORE"], alone["SCORE"], atol=1e-5)


def test_rows_may_have_different_numbers_of_labels(each: Ensemble) -> None:
    result = each({"TEXT": text("War!", TEXT), "CANDIDATE_LABELS": lists(LABELS[:2], LABELS)})
    assert result["COUNT"].tolist() == [[2], [4]]
    assert result["LABEL"][0, 2:].tolist() == [b"", b""] and result["SCORE"][0, 2:].tolist() == [0, 0]
    assert scores(result, 0) == pytest.approx(scores(classify(each, "War!", LABELS[:2])), abs=1e-5)
    assert scores(result, 1) == pytest.approx(scores(classify(each, TEXT, LABELS)), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "entailment", "contradiction"), [("bart", 2, 0), ("deberta_v2", 0, -1), ("bert", -1, 0)]
)
def test_entailment_is_found_by_its_name(checkpoints: Path, name: str, entailment: int, contradiction: int) -> None:
    stage = Postprocess.local(checkpoints / f"zero_shot_classification_{name}")
    assert (stage.entailment, stage.contradiction) == (entailment, contradiction)


def test_scores_of_known_logits(checkpoints: Path) -> None:
    stage = Postprocess.local(checkpoints / "zero_shot_classification_bart")  # contradiction, neutral, entailment
    tensors = {
        "logits": np.log(np.array([[[6, 7, 1], [1, 7, 3]]], np.float32)),
        "CANDIDATE_LABELS": lists(["war", "peace"]),
    }
    for multi_label, expected in ((False, [3 / 4, 1 / 4]), (True, [3 / 4, 1 / 7])):
        result = stage.process(Request(tensors, stage.PARAMETERS.parse({"multi_label": multi_label})))
        assert result["LABEL"].tolist() == [[b"peace", b"war"]]
        np.testing.assert_allclose(result["SCORE"], [expected], rtol=1e-5)


@pytest.mark.parametrize(("template", "places"), [("This is {}.", 1), ("{0} or {0}", 2), ("{!r}", 1), ("{{}} {}", 1)])
def test_templates(template: str, places: int) -> None:
    assert count_places(template) == places


@pytest.mark.parametrize(
    "template",
    [
        "",
        "This is war.",
        "{{}}",
        "{",
        "}",
        "{} {}",
        "{} {0}",
        "{1}",
        "{label}",
        "{!x}",
        "{0.__class__}",
        "{0[0]}",
        "{:9}",
    ],
)
def test_templates_without_a_plain_place_for_the_label_are_refused(template: str) -> None:
    with pytest.raises(InvalidInput, match=r"hypothesis_template .* includes \{\} where the label should go"):
        count_places(template)


@pytest.mark.parametrize("template", ["{:>9999999999}", "{0}" * 6_000, "x" * 30_000 + "{}"])
def test_templates_that_explode_are_refused_at_once(bart: Ensemble, template: str) -> None:
    start = time.perf_counter()
    with pytest.raises(InvalidInput):
        classify(bart, TEXT, LABELS, hypothesis_template=template)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("premise", "labels", "reason"),
    [
        ("", LABELS, "at least one label and at least one sequence"),
        (TEXT, [], "at least one label and at least one sequence"),
        (TEXT, [""], "at least one label and at least one sequence"),
        (TEXT, [*"abcdefg"], "7 labels; this deployment takes 6"),
        (TEXT * 200, LABELS, "TEXT has .* bytes"),
        (TEXT, ["war " * 200], "A hypothesis leaves no room for the text in the 128 tokens"),
    ],
)
def test_what_cannot_be_classified_is_refused(bart: Ensemble, premise: str, labels: list[str], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        classify(bart, premise, labels)


def test_a_bad_request_fails_alone(bart: Ensemble) -> None:
    good, bad, other = bart.batch(
        ({"TEXT": text(TEXT), "CANDIDATE_LABELS": lists(LABELS)}, {}),
        ({"TEXT": text(TEXT), "CANDIDATE_LABELS": lists(["war " * 200])}, {}),
        ({"TEXT": text("The sea."), "CANDIDATE_LABELS": lists(LABELS[:1])}, {}),
    )
    assert isinstance(good, dict) and isinstance(bad, InvalidInput) and isinstance(other, dict)
    assert scores(good) == pytest.approx(scores(classify(bart, TEXT, LABELS)), abs=1e-5)


def test_a_failed_request_leaves_the_tokenizer_as_it_was(checkpoints: Path) -> None:
    stage = Preprocess.local(checkpoints / "zero_shot_classification_bert")
    with pytest.raises(InvalidInput):
        stage.encode([(TEXT, ["war " * 200])])
    assert stage.tokenizer.backend.truncation is None
