"""AsyncPipeline does what Pipeline does, in an event loop."""

import asyncio
import itertools
import random
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from tests.clients.fake import FakeTransport, fake_async, floats, sent, text
from triton_pipelines import AsyncPipeline, InvalidInput, Unavailable, async_pipeline, pipeline
from triton_pipelines.transport import Request, Tensors

T = TypeVar("T")


def echo(request: Request) -> Tensors:
    texts = [row[0] for row in sent(request, "TEXT")]
    if "bad" in texts:
        raise InvalidInput("bad text")
    return {"LABEL": request.tensors["TEXT"], "SCORE": floats(*[[1.0]] * len(texts))}


class Slow(FakeTransport):
    """Answers after a while, in no order; counts what is under way and what was cancelled."""

    under_way = most = cancelled = 0

    async def ainfer(self, request: Request) -> Tensors:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(random.random() / 200)
            if sent(request, "TEXT") == [["hang"]]:
                await asyncio.sleep(60)
            return self.infer(request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1


def slow(**options: Any) -> tuple[AsyncPipeline, Slow]:
    transport = Slow(echo)
    return async_pipeline("text-classification", transport=transport, **options), transport


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(coroutine, 20))


async def labels(results: AsyncIterator[Any]) -> list[str]:
    return [result["label"] async for result in results]


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


async def later(items: list[str]) -> AsyncIterator[str]:
    for item in items:
        await asyncio.sleep(0)
        yield item


def test_items_lists_and_iterables() -> None:
    async def check() -> None:
        classify, transport = slow(batch_size=3, num_workers=5)
        async with classify:
            assert await classify("a", top_k=1) == [{"label": "a", "score": 1.0}]
            assert [each["label"] for each in await classify(numbers(100))] == numbers(100)
            assert await labels(classify(iter(numbers(100)))) == numbers(100)
            assert await labels(classify(later(numbers(100)))) == numbers(100)
        assert 1 < transport.most <= 5
        assert transport.closed

    run(check())


def test_calls_run_side_by_side() -> None:
    async def check() -> None:
        classify, transport = slow()
        results = await asyncio.gather(*(classify(number) for number in numbers(50)))
        assert [result[0]["label"] for result in results] == numbers(50)
        assert transport.most > 10

    run(check())


def test_an_endless_iterable_is_pulled_only_as_far_as_requests_are_under_way() -> None:
    async def check() -> None:
        pulled = 0

        async def endless() -> AsyncIterator[str]:
            nonlocal pulled
            for pulled in itertools.count(1):
                yield str(pulled)

        classify, _ = slow(batch_size=4, num_workers=3)
        results = classify(endless())
        for expected in range(1, 100):
            assert (await anext(results))["label"] == str(expected)
            assert pulled - expected < 4 * 3 + 4
        await results.aclose()

    run(check())


def test_errors_are_those_of_pipelines() -> None:
    async def check() -> None:
        classify, _ = slow(batch_size=4)
        with pytest.raises(InvalidInput, match="text-classification, item 5: bad text"):
            await classify([*numbers(5), "bad"])
        delivered = []
        with pytest.raises(InvalidInput) as refused:
            async for result in classify(later([*numbers(5), "bad", "6"])):
                delivered.append(result["label"])
        assert (delivered, refused.value.item) == (numbers(5), 5)
        kept = await classify(["a", "bad", "b"], on_error="return")
        assert [type(each).__name__ for each in kept] == ["dict", "InvalidInput", "dict"]

        async def broken() -> AsyncIterator[str]:
            yield "0"
            raise RuntimeError("disk full")

        with pytest.raises(RuntimeError, match="disk full"):
            assert await labels(classify(broken())) is None

    run(check())


def test_cancelling_a_call_cancels_its_requests() -> None:
    async def check() -> None:
        classify, transport = slow(batch_size=1, num_workers=3)
        task = asyncio.create_task(classify(["hang"] * 10))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (transport.under_way, transport.cancelled) == (0, 3)
        results = classify(iter(["a", "hang", "hang", "hang"]))
        await anext(results)
        await results.aclose()
        assert transport.under_way == 0

    run(check())


def test_a_busy_server_is_asked_again() -> None:
    attempts = itertools.count()

    def busy(request: Request) -> Tensors:
        if next(attempts) < 2:
            raise Unavailable("full")
        return echo(request)

    async def check() -> None:
        classify, transport = fake_async("text-classification", busy, retries=3)
        assert (await classify("a"))[0]["label"] == "a"
        assert len(transport.requests) == 3

    run(check())


def test_streams() -> None:
    def pieces(request: Request) -> Iterator[Tensors]:
        return ({"GENERATED_TEXT": text(piece)} for piece in (" I", "", " am"))

    async def check() -> None:
        generate, transport = fake_async("text-generation", pieces, max_new_tokens=5)
        assert [piece async for piece in generate.stream("Who?")] == [" I", "", " am"]
        assert transport.request.parameters["stream"] is True
        with pytest.raises(InvalidInput, match="one prompt"):
            await anext(generate.stream(["a", "b"]))

    run(check())


def test_files_are_read_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()

    def read(image: Any, timeout: Any) -> bytes:
        threads.add(threading.current_thread().name)
        return b"image"

    monkeypatch.setattr("triton_pipelines.images.read", read)

    def answer(request: Request) -> Any:
        return {"LABEL": [["cat"]], "SCORE": [[0.5]]}

    async def check() -> None:
        classify, _ = fake_async("image-classification", answer)
        assert await classify("cat.png") == [{"label": "cat", "score": 0.5}]

    run(check())
    assert "MainThread" not in threads


def test_a_thread_has_no_use_for_an_asynchronous_iterable() -> None:
    with pytest.raises(InvalidInput, match="async_pipeline"):
        pipeline("text-classification", transport=FakeTransport(echo))(later(["a"]))
