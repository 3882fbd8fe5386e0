"""More than the server can do: the surplus is refused at once, the rest waits no longer than the queue is long."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from install import install
from tests.faults.running import Running, generate, wait_until
from tests.serving.tiny import deploy

pytestmark = pytest.mark.alone

PASS, ROWS, QUEUE = 0.1, 2, 8
"""Seconds of a pass of the slow model, requests in it, and how many may wait."""
CAPACITY = ROWS / PASS
PAUSE = 0.5
"""Seconds that Triton 2.51 looks away at times, when a pass ends and no request comes in (docs/reliability.md)."""
POLICY = "timeout_action: REJECT allow_timeout_override: true default_timeout_microseconds: 600000000 max_queue_size:"
SLOW = (
    "text = lambda request: pb_utils.get_input_tensor_by_name(request, 'TEXT').as_numpy()[0, 0].decode();"
    "plain, seen = self.execute, open({seen!r}, 'a');"
    "self.execute = lambda requests: (print(*map(text, requests), sep='\\n', file=seen, flush=True),"
    f" time.sleep({PASS}), plain(requests))[-1]"
)


class Answer(NamedTuple):
    status: str
    text: str
    asked: float
    seconds: float


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the texts that the slow model was given, a line each."""
    return tmp_path_factory.mktemp("seen") / "texts.txt"


@pytest.fixture(scope="module")
def running(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory, seen: Path) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("serve")
    repository = folder / "repository"
    config = deploy(repository, "slow", SLOW.format(seen=str(seen))).parent / "config.pbtxt"
    text = config.read_text().replace("max_batch_size: 8", f"max_batch_size: {ROWS}")
    config.write_text(f"{text}\ndynamic_batching {{ default_queue_policy {{ {POLICY} {QUEUE} }} }}\n")
    for name in ("slow", "slow_preprocess", "slow_postprocess"):
        other = repository / name / "config.pbtxt"
        other.write_text(other.read_text().replace("max_batch_size: 8", f"max_batch_size: {ROWS}"))
    checkpoint = checkpoints / "text_classification_bert"
    install("text_classification", checkpoint=str(checkpoint), repository=repository)
    with Running(folder, repository, "--probe-interval", "0") as running:
        yield running


class Caller:
    """Asks the slow deployment, or another one, over gRPC."""

    def __init__(self, running: Running) -> None:
        self.running = running

    async def __aenter__(self) -> Caller:
        self.channel = grpc.aio.insecure_channel(self.running.grpc_url)
        self.stub = service_pb2_grpc.GRPCInferenceServiceStub(self.channel)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.channel.close()

    def call(self, text: str, model: str = "slow", timeout: float | None = None) -> Any:
        """A call that has begun. timeout: seconds in each queue."""
        asked = service_pb2.ModelInferRequest(model_name=model)
        asked.inputs.add(name="TEXT", datatype="BYTES", shape=[1, 1]).contents.bytes_contents.append(text.encode())
        if timeout is not None:
            asked.parameters["timeout"].int64_param = int(timeout * 1e6)
        return self.stub.ModelInfer(asked, timeout=60)

    async def ask(self, text: str, model: str = "slow", timeout: float | None = None) -> Answer:
        began = time.monotonic()
        try:
            (raw, *_) = (await self.call(text, model, timeout)).raw_output_contents
            status, got = "OK", raw[4:].decode()
        except grpc.aio.AioRpcError as error:
            status, got = error.code().name, str(error.details())
        return Answer(status, got, began, time.monotonic() - began)


def with_caller(running: Running, what: Callable[[Caller], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with Caller(running) as caller:
            return await what(caller)

    return asyncio.run(main())


def percentile(answers: list[Answer], share: float) -> float:
    return float(np.quantile([answer.seconds for answer in answers], share))


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    (line,) = re.findall(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(line) * 1024


def test_ten_times_the_capacity(running: Running, pytestconfig: pytest.Config) -> None:
    seconds = pytestconfig.getoption("--overload")

    async def offer(caller: Caller) -> tuple[list[Answer], Answer]:
        began = time.monotonic()
        asked: list[asyncio.Task[Answer]] = []
        while (elapsed := time.monotonic() - began) < seconds:  # however long answers take: an open loop
            while len(asked) < elapsed * 10 * CAPACITY:
                asked.append(asyncio.create_task(caller.ask(f"text {len(asked)}")))
            await asyncio.sleep(0.01)
        answers = await asyncio.gather(*asked)
        return answers, await caller.ask("after")

    memory = resident(running.triton)
    answers, after = with_caller(running, offer)
    counted = Counter(answer.status for answer in answers)
    assert counted.keys() == {"OK", "UNAVAILABLE"}, counted
    accepted = [answer for answer in answers if answer.status == "OK"]
    refused = [answer for answer in answers if answer.status == "UNAVAILABLE"]
    assert [answer.text for answer in accepted] == [f"text {answers.index(answer)}" for answer in accepted]
    assert all("Exceeds maximum queue size" in answer.text for answer in refused)
    # It does no more than it can. It might do all of it, were it not for the pauses.
    assert 0.2 * CAPACITY * seconds < len(accepted) < 1.2 * CAPACITY * seconds + QUEUE + 2 * ROWS
    # What runs, and the queue; Triton may pause after each pass. Without a bound, callers would wait ten times as long
    # as the test lasts.
    bound = (1 + QUEUE / ROWS) * (PASS + PAUSE)
    assert percentile(accepted, 0.99) < bound, percentile(accepted, 0.99)
    assert percentile(refused, 0.99) < 0.25, percentile(refused, 0.99)
    growth = resident(running.triton) - memory
    print(
        f"{len(answers):,} asked, {len(accepted):,} answered, 99 % within {percentile(accepted, 0.99):.2f} s, "
        f"refused within {percentile(refused, 0.5) * 1000:.1f} ms (half), {percentile(refused, 0.99) * 1000:.1f} ms "
        f"(99 %); tritonserver grew by {growth / 2**20:.1f} MiB"
    )
    assert growth < 32 << 20
    # And nothing is left of it.
    assert after.status == "OK" and after.seconds < 2 * PASS + 0.3, after


def test_a_task_with_the_queue_that_it_ships_with(running: Running) -> None:
    """As many at once as the three steps cannot hold: 64 rows run and 256 wait in each."""

    async def offer(caller: Caller) -> list[Answer]:
        return await asyncio.gather(*(caller.ask("Call me Ishmael.", "text_classification") for _ in range(1500)))

    (alone,) = with_caller(
        running, lambda caller: asyncio.gather(caller.ask("Call me Ishmael.", "text_classification"))
    )
    answers = with_caller(running, offer)
    accepted = [answer for answer in answers if answer.status == "OK"]
    refused = [answer for answer in answers if answer.status != "OK"]
    assert len(accepted) >= 256 and all(answer.text == alone.text for answer in accepted)
    assert all(a.status == "UNAVAILABLE" and "maximum queue size" in a.text for a in refused), refused[:3]
    assert generate(running, "text_classification", {"TEXT": "Call me Ishmael."})[0] == 200


async def ahead(caller: Caller) -> list[asyncio.Task[Answer]]:
    """Requests that keep the model busy for some passes, and leave room in the queue."""
    asked = []
    for number in range(3 * ROWS):
        asked.append(asyncio.create_task(caller.ask(f"patient {number}")))
        await asyncio.sleep(PASS / 20)
    return asked


def test_a_caller_who_waited_too_long_is_refused_and_not_worked_for(running: Running, seen: Path) -> None:
    async def crowd(caller: Caller) -> list[Answer]:
        first = await ahead(caller)
        hurried = [asyncio.create_task(caller.ask(f"hurried {number}", timeout=PASS / 4)) for number in range(3)]
        return await asyncio.gather(*first, *hurried)

    *patient, one, two, three = with_caller(running, crowd)
    assert [answer.status for answer in patient] == ["OK"] * len(patient)
    for answer in (one, two, three):
        assert answer.status == "UNAVAILABLE" and "Request timeout expired" in answer.text, answer
    assert "hurried" not in seen.read_text()


@pytest.mark.parametrize("model", ["slow_model", "slow"])
def test_what_a_caller_has_cancelled_is_not_begun(running: Running, seen: Path, model: str) -> None:
    """Triton 2.51 tells the steps of an ensemble nothing of it, so that there the caller's timeout has to do it."""

    async def crowd(caller: Caller) -> None:
        first = await ahead(caller)
        gone = [caller.call(f"gone {number}", model, PASS / 4 if model == "slow" else None) for number in range(2)]
        await asyncio.sleep(PASS / 20)
        for call in gone:
            call.cancel()
        await asyncio.gather(*first)

    with_caller(running, crowd)
    wait_until(lambda: generate(running, "slow", {"TEXT": f"after {model}"})[0] == 200, 2)
    assert f"after {model}" in seen.read_text() and "gone" not in seen.read_text()


def test_health_stays_good_under_load(running: Running) -> None:
    """Being busy is no trouble: a restart would help nobody."""

    async def offer(caller: Caller) -> bool:
        asked = [asyncio.create_task(caller.ask("text")) for _ in range(100)]
        healthy = await asyncio.to_thread(running.healthy)
        await asyncio.gather(*asked)
        return healthy

    assert with_caller(running, offer)
    wait_until(running.healthy, 1)
