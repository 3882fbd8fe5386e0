"""Tensors in shared memory, without a server: what is written there, and what becomes of it."""

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient.utils import serialize_byte_tensor

from tests.clients.fake import FakeTransport, floats, ints, text
from triton_pipelines import InvalidInput, NotFound, Pipeline, Unavailable, Unsupported, shared_memory, tasks
from triton_pipelines.shared_memory import Slot, Slots, is_local
from triton_pipelines.transport import Region, Request, Tensors

LARGE = "a" * shared_memory.LEAST_BYTES


class Sharing(FakeTransport):
    """Reads the texts out of the regions that it was told of."""

    url = "grpc://localhost:8001"

    def __init__(self, answer: Any = None) -> None:
        super().__init__(answer or self.read, names=("text_classification",))
        self.shared: dict[str, np.ndarray[Any, Any]] = {}

    def share(self, name: str, key: str, size: int) -> None:
        path = Path("/dev/shm", key.lstrip("/"))
        assert path.stat().st_size == size
        assert path.stat().st_mode & 0o777 == 0o600
        self.shared[name] = np.memmap(path, np.uint8, "r+")

    def unshare(self, name: str) -> None:
        del self.shared[name]

    def read(self, request: Request) -> Tensors:
        region = request.regions.get("TEXT")
        texts = request.tensors["TEXT"]
        if region is not None:
            if region.name not in self.shared:
                raise NotFound(f"Unable to find shared memory region: '{region.name}'")
            found = self.shared[region.name][region.offset : region.offset + region.size].tobytes()
            assert found == serialize_byte_tensor(texts).item()
        return {"LABEL": [["a"]] * len(texts), "SCORE": [[1.0]] * len(texts)}  # type: ignore[dict-item]


def pipeline(transport: FakeTransport, mode: Any = True) -> Pipeline:
    return Pipeline(tasks.find("text-classification"), transport, shared_memory=mode, retries=0)


def left() -> list[Path]:
    return list(Path("/dev/shm").glob("triton-pipelines-client-*"))


def test_tensors_lie_one_after_another_as_triton_has_them() -> None:
    tensors = {"TEXT": text(["a", "é" * 10], ["", "c"]), "RATE": ints([1], [2]), "SAMPLES": floats([0.5], [2])}
    slot = Slot(4096)
    regions = slot.write(tensors)
    slot.forget_name()
    expected = [serialize_byte_tensor(tensors["TEXT"]).item(), tensors["RATE"].tobytes(), tensors["SAMPLES"].tobytes()]
    assert slot._memory[: sum(map(len, expected))] == b"".join(expected)
    assert regions["RATE"] == Region(slot.name, len(expected[0]), 8)


def test_large_requests_go_by_reference_and_slots_are_used_again() -> None:
    transport = Sharing()
    with pipeline(transport) as classify:
        for _ in range(3):
            classify(LARGE)
        classify("small")
        assert len(transport.shared) == 1
        assert [bool(request.regions) for request in transport.requests] == [True, True, True, False]
        classify([LARGE] * 8, batch_size=1, num_workers=4)
        assert len(transport.shared) <= 4
        assert not left()
    assert not transport.shared


def test_slots_are_given_back_when_a_pipeline_is_not_closed() -> None:
    transport = Sharing()
    pipeline(transport)(LARGE)
    assert not transport.shared


def test_a_forked_process_has_slots_of_its_own() -> None:
    transport = Sharing()
    classify = pipeline(transport)
    classify(LARGE)
    context = multiprocessing.get_context("fork")
    count = context.SimpleQueue()

    def again() -> None:
        classify(LARGE)
        count.put(len(transport.shared))

    process = context.Process(target=again)
    process.start()
    process.join(20)
    assert count.get() == 2


def test_a_server_that_refuses_is_asked_once() -> None:
    class Refusing(Sharing):
        asked = 0

        def share(self, name: str, key: str, size: int) -> None:
            self.asked += 1
            raise Unsupported("this protocol is restricted")

    transport = Refusing()
    classify = pipeline(transport, "auto")
    classify(LARGE)
    classify(LARGE)
    assert transport.asked == 1
    assert not left()
    with pytest.raises(Unsupported, match=r"shared_memory=True: .*restricted"):
        pipeline(Refusing())(LARGE)


def test_a_server_that_started_anew_gets_the_tensors_themselves() -> None:
    transport = Sharing()
    classify = pipeline(transport)
    classify(LARGE)
    transport.shared.clear()
    classify(LARGE)
    assert [bool(request.regions) for request in transport.requests] == [True, True, False]
    classify(LARGE)
    assert transport.requests[-1].regions


def test_memory_that_may_still_be_read_is_not_written_again() -> None:
    def busy(request: Request) -> Tensors:
        raise Unavailable("lost")

    transport = Sharing(busy)
    classify = pipeline(transport)
    for _ in range(shared_memory._MOST_LOST + 3):
        with pytest.raises(Unavailable):
            classify(LARGE)
    assert len({request.regions["TEXT"].name for request in transport.requests if request.regions}) == 8
    assert not transport.requests[-1].regions  # no more than that is put at risk


def test_bad_input_costs_no_slot() -> None:
    def bad(request: Request) -> Tensors:
        raise InvalidInput("bad text")

    transport = Sharing(bad)
    classify = pipeline(transport)
    for _ in range(3):
        with pytest.raises(InvalidInput):
            classify(LARGE)
    assert len(transport.shared) == 1


@pytest.mark.parametrize(
    ("url", "local"),
    [("grpc://localhost:8001", True), ("http://127.0.0.1:8000", True), ("grpc://[::1]:1", True), ("http://h:1", False)],
)
def test_this_machine(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_no_room_is_no_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Slots, size: int) -> Slot:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Slots, "make", full)
    transport = Sharing()
    pipeline(transport, "auto")(LARGE)
    assert not transport.request.regions
