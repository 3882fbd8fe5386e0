"""What async_pipeline() gives: a Pipeline for an event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from .batching import abatched
from .core import Ask, Call, Core, Flow, Load, Step, delivered
from .errors import TritonPipelinesError, about
from .progress import Progress
from .tasks.base import Shape, Task
from .transport import AsyncTransport

T = TypeVar("T")


class AsyncPipeline(Core):
    """What async_pipeline() gives. Calls take what those of Pipeline take, and asynchronous iterables too.

        await classify("I love it"), await classify(["a", "b"])
        async for result in classify(texts): ...        # texts: a generator, a dataset, an asynchronous generator
        async for piece in generate.stream("Once"): ...

    Cancelling what awaits a result, or closing an iterator, cancels its requests.
    """

    def __init__(self, task: Task, transport: AsyncTransport, **options: Any) -> None:
        super().__init__(task, transport.url, **options)
        self._transport = transport

    def __call__(
        self,
        *inputs: Any,
        batch_size: int | None = None,
        num_workers: int | None = None,
        request_timeout: float | None = None,
        on_error: str = "raise",
        progress: bool = False,
        **arguments: Any,
    ) -> Any:
        """As Pipeline's: awaitable for one item or a list, an asynchronous iterator for any other iterable."""
        with about(self.task):
            call = self._call(inputs, arguments, request_timeout, on_error)
        if call.shape is Shape.ONE:
            return self._run(self._one(call))
        results = self._results(call, batch_size, num_workers)
        if progress:
            results = Progress(self.task, call.total).aover(results)
        return results if call.shape is Shape.STREAM else _listed(results)

    async def stream(self, *inputs: Any, request_timeout: float | None = None, **arguments: Any) -> AsyncIterator[str]:
        """The new text of one prompt or chat, in pieces, as it is generated: for tasks that generate text."""
        request, call = await self._run(self._streamed(inputs, arguments, request_timeout))
        attempts = self._attempts(call.request_timeout)
        begun = False
        with about(self.task):
            while True:
                responses = self._transport.astream(attempts.timed(request))
                try:
                    async for outputs in responses:
                        begun = self._reached = True
                        yield self._task.piece(outputs)
                    return
                except TritonPipelinesError as error:
                    if begun:  # what was generated cannot be taken up again
                        raise
                    await self._run(self._again(error, attempts))
                finally:
                    await responses.aclose()  # type: ignore[attr-defined]

    async def aclose(self) -> None:
        """Let go of the connections, and of memory that the server shares."""
        await self._run(self._unshare())
        await self._transport.aclose()

    async def __aenter__(self) -> AsyncPipeline:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _results(self, call: Call, batch_size: int | None, num_workers: int | None) -> AsyncGenerator[Any, None]:
        """Results in order, with at most so many batches under way."""
        with about(self.task):
            size, workers = await self._run(self._sizes(call, batch_size, num_workers))
        batches = abatched(call.inputs.items, size)
        pending: deque[asyncio.Task[list[Any]]] = deque()
        failure: Exception | None = None
        try:
            while True:
                try:
                    batch = await anext(batches, None)
                except Exception as error:  # the caller's iterable failed: what came before it is still delivered
                    batch, failure = None, error
                if batch is None:
                    break
                pending.append(asyncio.create_task(self._run(self._batch(batch, call))))
                while pending and (len(pending) == workers or pending[0].done()):
                    for result in delivered(await pending.popleft(), call):
                        yield result
            while pending:
                for result in delivered(await pending.popleft(), call):
                    yield result
            if failure is not None:
                raise failure
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            await batches.aclose()

    async def _run(self, flow: Flow[T]) -> T:
        """Do the steps of a flow."""
        try:
            step = next(flow)
            while True:
                try:
                    result = await self._do(step)
                except Exception as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            flow.close()

    async def _do(self, step: Step) -> Any:
        if isinstance(step, Load):
            return await asyncio.to_thread(self._task.load, step.item, step.settings)
        if isinstance(step, Ask):
            return await getattr(self._transport, f"a{step.method}")(*step.arguments)
        return await asyncio.sleep(step.seconds)


def _listed(results: AsyncIterator[Any]) -> Coroutine[Any, Any, list[Any]]:
    async def collect() -> list[Any]:
        return [result async for result in results]

    return collect()
