"""What pipeline() gives. Tasks (`tasks/`) know arguments, tensors and results; transports (`transport/`) know the
network; a Pipeline drives both: it cuts inputs into requests, keeps several on their way, and gives results in order.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

from .batching import batched
from .core import Ask, Call, Core, Flow, Load, Step, delivered
from .errors import InvalidInput, TritonPipelinesError, about
from .progress import Progress
from .shared_memory import Slots
from .tasks.base import Shape, Task
from .transport import Request, Transport
from .transport.kept import Kept
from .transport.stop import Stop

T = TypeVar("T")


class Pipeline(Core):
    """What pipeline() gives: call it like the pipeline of transformers. Safe to use from several threads.

    task: the task's name; model: the deployment's name; url: the server's.
    """

    def __init__(self, task: Task, transport: Transport, **options: Any) -> None:
        super().__init__(task, transport.url, **options)
        self._transport = transport
        if self._slots is not None:  # at the end of a program that closes nothing
            weakref.finalize(self, _forget, self._slots, transport)

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
        """Run the task on one item, a list, or any other iterable (a generator, a dataset): as in transformers.

        An iterable gives a generator of results. It pulls at most `batch_size * num_workers` items ahead of the
        results; closing it cancels the requests that are on their way, or waits for those over HTTP.

        batch_size, num_workers, request_timeout: as pipeline() takes them.
        on_error: "return" puts errors in the place of results and goes on.
        progress: show on stderr how many items are done.

        Raises a TritonPipelinesError; for lists and iterables its `item` is the position of the item that failed.
        """
        with about(self.task):
            call = self._call(inputs, arguments, request_timeout, on_error)
            if hasattr(call.inputs.items, "__aiter__"):
                raise InvalidInput("an asynchronous iterable needs async_pipeline()")
            if call.shape is Shape.ONE:
                return self._run(self._one(call))
            size, workers = self._run(self._sizes(call, batch_size, num_workers))
        results = self._results(call, size, workers)
        if progress:
            results = Progress(self.task, call.total).over(results)
        return results if call.shape is Shape.STREAM else list(results)

    def stream(self, *inputs: Any, request_timeout: float | None = None, **arguments: Any) -> Iterator[str]:
        """The new text of one prompt or chat, in pieces, as it is generated: for tasks that generate text.

        Closing the iterator cancels the request.
        """
        request, call = self._run(self._streamed(inputs, arguments, request_timeout))
        return self._pieces(request, call)

    def close(self) -> None:
        """Let go of the connections, and of memory that the server shares."""
        self._run(self._unshare())
        self._transport.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _results(self, call: Call, size: int, workers: int) -> Generator[Any, None, None]:
        """Results in order, with at most `workers` batches of `size` items under way."""
        batches = batched(call.inputs.items, size)
        pending: deque[Future[list[Any]]] = deque()
        failure: Exception | None = None
        stop = Stop()
        pool = ThreadPoolExecutor(workers, thread_name_prefix=f"triton-{self.model}")
        try:
            while True:
                try:
                    batch = next(batches, None)
                except Exception as error:  # the caller's iterable failed: what came before it is still delivered
                    batch, failure = None, error
                if batch is None:
                    break
                pending.append(pool.submit(self._run, self._batch(batch, call), stop))
                while pending and (len(pending) == workers or pending[0].done()):
                    yield from delivered(pending.popleft().result(), call)
            while pending:
                yield from delivered(pending.popleft().result(), call)
            if failure is not None:
                raise failure
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _pieces(self, request: Request, call: Call) -> Iterator[str]:
        attempts = self._attempts(call.request_timeout)
        begun = False
        with about(self.task):
            while True:
                try:
                    for outputs in self._transport.stream(attempts.timed(request)):
                        begun = self._reached = True
                        yield self._task.piece(outputs)
                    return
                except TritonPipelinesError as error:
                    if begun:  # what was generated cannot be taken up again
                        raise
                    self._run(self._again(error, attempts))

    def _run(self, flow: Flow[T], stop: Stop | None = None) -> T:
        """Do the steps of a flow. stop: ends its pauses, and the flow with them."""
        try:
            step = next(flow)
            while True:
                try:
                    result = self._do(step, stop)
                except Exception as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            flow.close()

    def _do(self, step: Step, stop: Stop | None) -> Any:
        if stop is not None and stop.is_set():
            raise CancelledError
        if isinstance(step, Load):
            return self._task.load(step.item, step.settings)
        if isinstance(step, Ask) and step.method == "infer":
            (request,) = step.arguments
            return self._transport.infer(request, stop)
        if isinstance(step, Ask):
            return getattr(self._transport, step.method)(*step.arguments)
        if stop is None:
            return time.sleep(step.seconds)
        if stop.wait(step.seconds):
            raise CancelledError
        return None


def _forget(slots: Kept[Slots], transport: Transport) -> None:
    """Make the server forget the shared memory of this process."""
    for name in (slots.pop() or Slots(False)).forget():
        with suppress(TritonPipelinesError):
            transport.unshare(name)
