from typing import Any

import pytest

from tests.clients.fake import fake, floats, ints, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    """The labels backwards, and padding behind them."""
    labels = sent(request, "CANDIDATE_LABELS")
    return {
        "LABEL": text(*[[*reversed(row), ""] for row in labels]),
        "SCORE": floats(*[[0.5] * (len(row) + 1) for row in labels]),
        "COUNT": ints(*[[len(row)] for row in labels]),
    }


def result(sequence: str) -> dict[str, Any]:
    return {"sequence": sequence, "labels": ["war", "love"], "scores": [0.5, 0.5]}


@pytest.mark.parametrize("labels", [["love", "war"], ("love", "war"), "love, war , ,"])
def test_labels_are_a_list_or_a_string_with_commas(labels: Any) -> None:
    classify, transport = fake("zero-shot-classification", answer)
    assert classify("x", candidate_labels=labels) == result("x")
    assert classify("x", labels) == result("x")
    assert sent(transport.requests[0], "CANDIDATE_LABELS") == [["love", "war"]]


def test_results_have_the_shapes_of_transformers() -> None:
    classify, _ = fake("zero-shot-classification", answer, candidate_labels="love,war")
    assert classify("x") == result("x")
    assert classify(sequences=["x", "y"]) == [result("x"), result("y")]
    assert classify(["x"]) == [result("x")]
    assert list(classify(iter(["x"]))) == [result("x")]
    assert list(classify("x")) == ["sequence", "labels", "scores"]


def test_parameters() -> None:
    classify, transport = fake("zero-shot-classification", answer, candidate_labels="a")
    classify("x", multi_label=True, hypothesis_template="It is {}.")
    assert transport.request.parameters == {"multi_label": True, "hypothesis_template": "It is {}."}
    with pytest.warns(FutureWarning, match="multi_label"):
        classify("x", multi_class=True)
    assert transport.requests[1].parameters == {"multi_label": True}


@pytest.mark.parametrize("labels", [None, [], "", " , "])
def test_labels_are_needed(labels: Any) -> None:
    classify, _ = fake("zero-shot-classification", answer)
    with pytest.raises(InvalidInput, match="at least one label"):
        classify("x", candidate_labels=labels)


def test_an_empty_label_and_an_empty_text_are_refused() -> None:
    classify, _ = fake("zero-shot-classification", answer, candidate_labels="a")
    with pytest.raises(InvalidInput, match="empty label"):
        classify("x", candidate_labels=["a", ""])
    with pytest.raises(InvalidInput, match="at least one sequence"):
        classify(["x", ""])
