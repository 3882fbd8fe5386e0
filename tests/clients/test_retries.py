"""What is tried again, how often and for how long. Pauses are counted, not slept."""

import itertools
import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.fake import FakeTransport, fake, floats, text
from triton_pipelines import (
    DeadlineExceeded,
    InvalidInput,
    Pipeline,
    ServerError,
    TritonPipelinesError,
    Unavailable,
    Unreachable,
)
from triton_pipelines.retries import Attempts
from triton_pipelines.transport import Request, Tensors


def full() -> Unavailable:
    return Unavailable("Exceeds maximum queue size")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, which take no time."""
    made: list[float] = []
    pause = Attempts.pause

    def note(self: Attempts, error: TritonPipelinesError) -> float:
        made.append(pause(self, error))
        return 0

    monkeypatch.setattr(Attempts, "pause", note)
    return made


def failing(*errors: TritonPipelinesError | None, **options: Any) -> tuple[Pipeline, FakeTransport]:
    """A pipeline whose server fails so before it answers; None is an answer."""
    waiting = iter(errors)

    def answer(request: Request) -> Tensors:
        if (error := next(waiting, None)) is not None:
            raise error
        return {"LABEL": request.tensors["TEXT"], "SCORE": floats(*[[1.0]] * len(request.tensors["TEXT"]))}

    return fake("text-classification", answer, **options)


def test_what_the_server_may_do_later_is_asked_for_again(pauses: list[float]) -> None:
    classify, transport = failing(*[full() for _ in range(6)], retries=6)
    assert classify("a") == [{"label": "a", "score": 1.0}]
    assert len(transport.requests) == 7
    for pause, expected in zip(pauses, [0.25, 0.5, 1, 2, 4, 8], strict=True):
        assert 0.7 * expected < pause < 1.3 * expected


def test_it_is_not_asked_for_ever(pauses: list[float]) -> None:
    classify, transport = failing(*[full() for _ in range(4)], retries=3)
    with pytest.raises(Unavailable, match="Exceeds"):
        classify("a")
    assert len(transport.requests) == 4


@pytest.mark.parametrize("error", [InvalidInput("bad"), ServerError("broken"), DeadlineExceeded("late")])
def test_what_would_fail_again_is_not_asked_for_again(error: TritonPipelinesError, pauses: list[float]) -> None:
    classify, transport = failing(error, retries=6)
    with pytest.raises(type(error)):
        classify("a")
    assert (len(transport.requests), pauses) == (1, [])


def test_a_server_that_never_answered_is_not_waited_for(pauses: list[float]) -> None:
    first, *later = (Unreachable("failed to connect") for _ in range(3))
    classify, _ = failing(first, None, *later, retries=6)
    with pytest.raises(Unreachable):
        classify("a")
    assert pauses == []
    classify("a")
    classify("a")
    assert len(pauses) == 2


def test_all_attempts_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triton_pipelines.retries._FIRST", 0.02)
    classify, transport = failing(*[full() for _ in range(5)], retries=6, request_timeout=0.1)
    with pytest.raises(DeadlineExceeded, match=r"no answer within 0\.1 s; the last attempt: Exceeds"):
        classify("a")
    timeouts = [request.timeout or 0 for request in transport.requests]
    assert 0.1 > timeouts[0] > timeouts[1] > 0
    classify("a", request_timeout=5)
    assert 4.5 < (transport.requests[-1].timeout or 0) <= 5


def test_a_generator_goes_on_after_the_server_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing lost, nothing twice."""
    monkeypatch.setattr("triton_pipelines.retries._FIRST", 0.01)
    answered = itertools.count()

    def answer(request: Request) -> Tensors:
        if 5 <= next(answered) < 15:
            raise Unreachable("connection refused")
        return {"LABEL": request.tensors["TEXT"], "SCORE": floats(*[[1.0]] * len(request.tensors["TEXT"]))}

    classify, _ = fake("text-classification", answer, retries=9)
    results = classify((str(number) for number in range(200)), batch_size=4, num_workers=4)
    assert [result["label"] for result in results] == [str(number) for number in range(200)]


def test_closing_a_generator_ends_its_pauses() -> None:
    def answer(request: Request) -> Tensors:
        if request.tensors["TEXT"][0][0] != b"0":
            raise full()
        return {"LABEL": request.tensors["TEXT"], "SCORE": floats([1.0])}

    classify, _ = fake("text-classification", answer, retries=20)
    results = classify((str(number) for number in itertools.count()), batch_size=1, num_workers=3)
    next(results)
    time.sleep(0.05)
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 0.2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("triton-")]


def test_a_stream_begins_again_but_only_before_its_first_piece(pauses: list[float]) -> None:
    attempts = itertools.count()

    def answer(request: Request) -> Iterator[Tensors]:
        attempt = next(attempts)
        if attempt == 0:
            raise full()
        yield {"GENERATED_TEXT": text(" I")}
        if attempt == 1:
            raise full()
        yield {"GENERATED_TEXT": text(" am")}

    generate, _ = fake("text-generation", answer, retries=3)
    stream = generate.stream("Who?")
    assert next(stream) == " I"
    with pytest.raises(Unavailable, match="text-generation: "):
        next(stream)
    assert len(pauses) == 1
    assert list(generate.stream("Who?")) == [" I", " am"]


def test_errors_can_be_handed_to_other_processes() -> None:
    error = Unavailable("full", status="UNAVAILABLE")
    error.task, error.item = "ner", 3
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), copied.status, copied.item) == (Unavailable, str(error), "UNAVAILABLE", 3)
