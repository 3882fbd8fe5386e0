import enum
from typing import Any

import pytest

from tests.clients.fake import fake, floats, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors

GOOD, BAD = {"label": "good", "score": 0.75}, {"label": "bad", "score": 0.25}


def answer(request: Request) -> Tensors:
    """Two labels, or the best one unless the request says otherwise."""
    rows = len(request.tensors["TEXT"])
    count = 1 if request.parameters.get("top_k", 1) == 1 else 2
    return {
        "LABEL": text(*[["good", "bad"][:count]] * rows),
        "SCORE": floats(*[[0.75, 0.25][:count]] * rows),
    }


@pytest.mark.parametrize(
    ("defaults", "inputs", "arguments", "expected"),
    [
        ({}, "x", {}, [GOOD]),
        ({}, ["x"], {}, [GOOD]),
        ({}, ["x", "y"], {}, [GOOD, GOOD]),
        ({}, ("x", "y"), {}, [GOOD, GOOD]),
        ({}, [], {}, []),
        ({}, "x", {"top_k": 1}, [GOOD]),
        ({}, "x", {"top_k": None}, [GOOD, BAD]),
        ({}, ["x"], {"top_k": 1}, [[GOOD]]),
        ({}, ["x", "y"], {"top_k": 2}, [[GOOD, BAD], [GOOD, BAD]]),
        ({}, {"text": "x", "text_pair": "y"}, {}, GOOD),
        ({}, {"text": "x"}, {"top_k": 2}, [GOOD, BAD]),
        ({}, [[["x", "y"]]], {}, [GOOD]),
        # A string is put in a list unless the call itself has top_k: also around the list that top_k gives.
        ({"top_k": 2}, "x", {}, [[GOOD, BAD]]),
        ({"top_k": None}, ["x"], {}, [[GOOD, BAD]]),
        ({"top_k": 2}, "x", {"top_k": 1}, [GOOD]),
    ],
)
def test_results_have_the_shapes_of_transformers(
    defaults: dict[str, Any], inputs: Any, arguments: dict[str, Any], expected: Any
) -> None:
    classify, _ = fake("text-classification", answer, **defaults)
    assert classify(inputs, **arguments) == expected


def test_a_generator_gives_one_result_a_text() -> None:
    classify, _ = fake("sentiment-analysis", answer)
    assert list(classify(each for each in "xy")) == [GOOD, GOOD]
    assert list(classify((each for each in "xy"), top_k=2)) == [[GOOD, BAD], [GOOD, BAD]]


def test_a_pair_is_two_tensors() -> None:
    classify, transport = fake("text-classification", answer)
    classify({"text": "It rains", "text_pair": "It is wet"})
    assert sent(transport.request, "TEXT") == [["It rains"]]
    assert sent(transport.request, "TEXT_PAIR") == [["It is wet"]]


def test_texts_and_pairs_in_one_list_travel_apart_and_come_back_in_order() -> None:
    def echo(request: Request) -> Tensors:
        return {"LABEL": request.tensors["TEXT"], "SCORE": floats(*[[1.0]] * len(request.tensors["TEXT"]))}

    classify, transport = fake("text-classification", echo)
    results = classify(["a", "b", {"text": "c", "text_pair": "d"}, "e"])
    assert [result["label"] for result in results] == ["a", "b", "c", "e"]
    assert [sorted(request.tensors) for request in transport.requests] == [["TEXT"], ["TEXT", "TEXT_PAIR"], ["TEXT"]]


def test_parameters_are_sent_as_the_server_spells_them() -> None:
    class Function(enum.Enum):
        SIGMOID = "sigmoid"

    classify, transport = fake("text-classification", answer, truncation=True)
    classify("x", top_k=None, function_to_apply=Function.SIGMOID, padding=True, max_length=8)
    assert transport.request.parameters == {
        "truncation": True,
        "top_k": "null",
        "function_to_apply": "sigmoid",
        "max_length": 8,
    }
    classify("x", function_to_apply="SOFTMAX")
    assert transport.requests[1].parameters == {"truncation": True, "function_to_apply": "softmax"}


def test_return_all_scores_is_taken_with_a_warning() -> None:
    classify, transport = fake("text-classification", answer)
    with pytest.warns(FutureWarning, match="top_k"):
        assert classify("x", return_all_scores=True) == [[GOOD, BAD]]
    with pytest.warns(FutureWarning, match="top_k"):
        assert classify("x", return_all_scores=False) == [GOOD]
    assert [request.parameters for request in transport.requests] == [{"top_k": "null"}, {"top_k": 1}]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (["a", "b"], "text_pair"),
        ({"text_pair": "b"}, "text"),
        ({"text": "a", "label": 1}, "label"),
        (3, "must be a string, not int"),
        ("\ud800", "Unicode"),
    ],
)
def test_what_is_no_text_is_refused(item: Any, message: str) -> None:
    classify, _ = fake("text-classification", answer)
    with pytest.raises(InvalidInput, match=message) as refused:
        classify(["fine", item])
    assert refused.value.item == 1
    assert refused.value.task == "text-classification"


def test_a_value_that_cannot_travel_is_refused() -> None:
    classify, _ = fake("text-classification", answer)
    with pytest.raises(InvalidInput, match="max_length"):
        classify("x", max_length=[8])
