"""The fakes that users' own tests take."""

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from triton_pipelines import NotFound, Unavailable, async_pipeline, pipeline
from triton_pipelines.testing import FakeTransport, tensor
from triton_pipelines.transport import Description, Request


def answer(request: Request) -> dict[str, Any]:
    rows = len(request.tensors["TEXT"])
    return {"LABEL": [["POSITIVE"]] * rows, "SCORE": [[0.5]] * rows}


def test_a_fake_answers_both_kinds_of_pipelines() -> None:
    transport = FakeTransport(answer)
    classify = pipeline("text-classification", transport=transport)
    assert classify("I love it") == [{"label": "POSITIVE", "score": 0.5}]
    assert transport.request.parameters == {}
    again = async_pipeline("text-classification", transport=transport)
    assert asyncio.run(again(["a", "b"])) == [{"label": "POSITIVE", "score": 0.5}] * 2
    assert len(transport.requests) == 2


def test_a_fake_streams() -> None:
    def pieces(request: Request) -> Iterator[dict[str, Any]]:
        yield from ({"GENERATED_TEXT": [piece]} for piece in (" I", " am"))

    generate = pipeline("text-generation", transport=FakeTransport(pieces))
    assert list(generate.stream("Who?")) == [" I", " am"]


def test_a_fake_fails_on_request() -> None:
    def full(request: Request) -> Any:
        raise Unavailable("full")

    with pytest.raises(Unavailable, match="full"):
        pipeline("text-classification", transport=FakeTransport(full), retries=0)("a")


def test_a_fake_has_the_models_that_it_is_given() -> None:
    description = Description(("TEXT",), ("LABEL", "SCORE"), 8)
    transport = FakeTransport(answer, names=("mine",), description=description)
    assert pipeline(model="mine", transport=transport).task == "text-classification"
    with pytest.raises(NotFound):
        pipeline(model="yours", transport=transport)


@pytest.mark.parametrize(
    ("values", "dtype", "shape"),
    [
        ([["a", "é"], ["b", b"c"]], object, (2, 2)),
        ([[0.5], [1]], np.float32, (2, 1)),
        ([[1, 2]], np.int32, (1, 2)),
        ([True], np.bool_, (1,)),
        ([[], []], np.float32, (2, 0)),
    ],
)
def test_lists_are_tensors(values: Any, dtype: Any, shape: tuple[int, ...]) -> None:
    made = tensor(values)
    assert (made.dtype, made.shape) == (dtype, shape)
    if dtype is object:
        assert made.tolist() == [[b"a", "é".encode()], [b"b", b"c"]]
