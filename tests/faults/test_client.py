"""Clients that go on while what they ask dies and comes back: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from install import install
from tests.faults.running import Running, kill, wait_until
from triton_pipelines import Pipeline, async_pipeline, pipeline

pytestmark = pytest.mark.alone

TASK = "feature-extraction"
GENEROUS: dict[str, Any] = {"retries": 40, "request_timeout": 120}
BATCHES: dict[str, Any] = {"batch_size": 2, "num_workers": 4}


@pytest.fixture(scope="module")
def running(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("serve")
    checkpoint = checkpoints / "feature_extraction_bert"
    install("feature_extraction", checkpoint=str(checkpoint), repository=folder / "repository")
    with Running(folder, folder / "repository", "--restart", "--probe-interval", "0") as running:
        yield running


def text(number: int) -> str:
    """One of its own for each number, in letters, which the made tokenizer knows."""
    return " ".join("abcdefghij"[int(digit)] for digit in f"{number:05}")


def vectors(results: list[Any]) -> list[np.ndarray]:
    """A vector an answer: that of the first token, which has seen the others."""
    return [np.array(result[0][0]) for result in results]


def right(results: list[Any], call: Pipeline, first: int = 0) -> None:
    """These are the answers to text(first), text(first + 1), ..., each in its place."""
    expected = vectors(call([text(first + number) for number in range(len(results))]))
    for number, (got, known) in enumerate(zip(vectors(results), expected, strict=True)):
        others = np.abs(np.array(expected) - got).max(axis=1)
        assert np.abs(got - known).max() < 1e-4 and (others < 1e-4).sum() == 1, f"item {first + number}"


class Generators:
    """Generators over each protocol and an event loop, which run until they are told that it is enough."""

    def __init__(self, running: Running) -> None:
        self.enough, self.asked, self.got = threading.Event(), [0, 0, 0], [0, 0, 0]
        calls = [pipeline(TASK, url=url, **GENEROUS) for url in (running.grpc_url, running.http_url)]
        self.calls = [
            *(lambda at=at, call=call: self.run(at, call) for at, call in enumerate(calls)),
            lambda: asyncio.run(self.arun(running.grpc_url)),
        ]

    def items(self, at: int) -> Iterator[str]:
        for number in itertools.count():
            if self.enough.is_set():
                return
            self.asked[at] += 1
            yield text(number)
            time.sleep(0.01)

    def run(self, at: int, call: Pipeline) -> list[Any]:
        results = []
        for result in call(self.items(at), **BATCHES):
            results.append(result)
            self.got[at] = len(results)
        return results

    async def arun(self, url: str) -> list[Any]:
        results = []
        async with async_pipeline(TASK, url=url, **GENEROUS) as call:
            async for result in call(self.items(2), **BATCHES):
                results.append(result)
                self.got[2] = len(results)
                await asyncio.sleep(0)
        return results

    def more(self, count: int = 20, seconds: float = 60) -> None:
        """Wait until each has so many more results."""
        before = list(self.got)
        wait_until(lambda: all(now >= old + count for now, old in zip(self.got, before, strict=True)), seconds)


def test_generators_go_on_when_a_process_and_when_the_server_dies(running: Running) -> None:
    generators = Generators(running)
    with ThreadPoolExecutor() as threads:
        under_way = [threads.submit(call) for call in generators.calls]
        try:
            generators.more()
            kill(running.stub("feature_extraction_model"))
            wait_until(lambda: not running.healthy(), 5)
            generators.more()
            assert running.healthy()
            url = running.http_url
            kill(running.triton)
            assert "tritonserver was killed by SIGKILL" in running.until("Starting it again")
            assert not running.healthy()
            running.until(r"Ctrl\+C stops", times=2)
            assert running.found(r"HTTP +(\S+)") == url
            generators.more()
            assert running.healthy()
        finally:
            generators.enough.set()
        results = [one.result(60) for one in under_way]
    assert [len(result) for result in results] == generators.asked
    call = pipeline(TASK, url=running.grpc_url)
    for result in results:
        right(result, call)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_threads_share_a_pipeline_while_a_process_dies(running: Running, protocol: str) -> None:
    call = pipeline(TASK, url=getattr(running, f"{protocol}_url"), **GENEROUS)
    call(text(0))
    wait_until(running.healthy, 20)

    def ask(thread: int) -> list[Any]:
        return [call(text(100 * thread + number)) for number in range(20)]

    with ThreadPoolExecutor(16) as threads:
        under_way = [threads.submit(ask, thread) for thread in range(16)]
        kill(running.stub("feature_extraction_preprocess"))
        results = [one.result(120) for one in under_way]
    for thread, result in enumerate(results):
        right(result, call, first=100 * thread)


def test_a_process_forks_while_its_threads_ask(running: Running) -> None:
    """The child asks over connections of its own; what the parent has under way comes to the parent."""
    call = pipeline(TASK, url=running.http_url, **GENEROUS)
    known = vectors([call(text(7))])[0]
    wait_until(running.healthy, 20)
    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(lambda: list(call(map(text, range(200)), **BATCHES)))
        children = [in_a_fork(lambda: bool(np.allclose(vectors([call(text(7))])[0], known, atol=1e-4))) for _ in "ab"]
        results = under_way.result(60)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    right(results, call)


def in_a_fork(check: Callable[[], bool]) -> int:
    """The process id of a child that ends with 0 where the check holds."""
    if child := os.fork():
        return child
    code = 1
    try:
        code = 0 if check() else 1
    finally:
        os._exit(code)
