"""What pipeline() gives. Tasks (`tasks/`) know arguments, tensors and results; transports (`transport/`) know the
network; a Pipeline drives both: it cuts inputs into requests, keeps several on their way, and gives results in order.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from .batching import batched, runs, stack, unstack
from .errors import InvalidInput, NotFound, ServerError, TritonPipelinesError, Unsupported, about
from .tasks.base import Row, Settings, Shape, Task
from .transport import Request, Tensors, Transport

# The results of a batch up to the first item that failed, and its error.
Outcome = tuple[list[Any], TritonPipelinesError | None]


class Pipeline:
    """What pipeline() gives: call it like the pipeline of transformers. Safe to use from several threads.

    task: the task's name; model: the deployment's name; url: the server's.
    """

    def __init__(
        self,
        task: Task,
        transport: Transport,
        *,
        model: str | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        **defaults: Any,
    ) -> None:
        self.task = task.name
        self.model = model or task.name.replace("-", "_")
        self.url = transport.url
        self._task = task
        self._transport = transport
        self._batch_size = batch_size
        self._num_workers = num_workers
        with about(task.name):
            self._defaults = task.parameters(**defaults)
        self._max_batch_size: int | None = None
        self._asking = threading.Lock()

    def __repr__(self) -> str:
        return f"<Pipeline {self.task}: {self.model} at {self.url}>"

    def __call__(
        self, *inputs: Any, batch_size: int | None = None, num_workers: int | None = None, **arguments: Any
    ) -> Any:
        """Run the task on one item, a list, or any other iterable (a generator, a dataset): as in transformers.

        An iterable gives a generator of results. It pulls at most `batch_size * num_workers` items ahead of the
        results; closing it waits for the requests that are on their way and sends no more.

        Raises a TritonPipelinesError; for lists and iterables its `item` is the position of the item that failed.
        """
        with about(self.task):
            call = self._task.items(*inputs, **arguments)
            settings = self._defaults | self._task.parameters(**call.parameters)
            if call.shape is Shape.ONE:
                return self._one(next(iter(call.items)), settings)
            size, workers = self._sizes(call.items, batch_size, num_workers)
        results = self._results(call.items, settings, size, workers)
        return results if call.shape is Shape.STREAM else list(results)

    def stream(self, *inputs: Any, **arguments: Any) -> Iterator[str]:
        """The new text of one prompt or chat, in pieces, as it is generated: for tasks that generate text.

        Closing the iterator cancels the request.
        """
        with about(self.task):
            if not self._task.decoupled:
                raise Unsupported(f"{self.task} does not stream: its results come whole")
            call = self._task.items(*inputs, **arguments)
            if call.shape is not Shape.ONE:
                raise InvalidInput("stream() takes one prompt or one chat")
            settings = self._defaults | self._task.parameters(**call.parameters)
            row = self._encode(next(iter(call.items)), settings)
        return self._pieces(Request(self.model, row, {**settings.parameters, "stream": True}, decoupled=True))

    def close(self) -> None:
        """Let go of the connections."""
        self._transport.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _one(self, item: Any, settings: Settings) -> Any:
        (outputs,) = self._send([self._encode(item, settings)], settings)
        return self._task.decode(item, outputs, settings)

    def _results(self, items: Iterable[Any], settings: Settings, size: int, workers: int) -> Iterator[Any]:
        """Results in order, with at most `workers` batches of `size` items under way."""
        batches = batched(items, size)
        pending: deque[Future[Outcome]] = deque()
        failure: Exception | None = None
        pool = ThreadPoolExecutor(workers, thread_name_prefix=f"triton-{self.model}")
        try:
            while True:
                try:
                    batch = next(batches, None)
                except Exception as error:  # the caller's iterable failed: what came before it is still delivered
                    batch, failure = None, error
                if batch is None:
                    break
                pending.append(pool.submit(self._batch, batch, settings))
                while pending and (len(pending) == workers or pending[0].done()):
                    yield from _delivered(pending.popleft().result())
            while pending:
                yield from _delivered(pending.popleft().result())
            if failure is not None:
                raise failure
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _batch(self, batch: Sequence[tuple[int, Any]], settings: Settings) -> Outcome:
        """Run some items, in requests of rows that stack. The first failure ends it: what follows is never seen."""
        rows: list[Row] = []
        results: list[Any] = []
        failure: TritonPipelinesError | None = None
        for index, item in batch:
            try:
                with about(self.task, index):
                    rows.append(self._encode(item, settings))
            except TritonPipelinesError as error:
                failure = error
                break
        for run in runs(rows):
            part = batch[len(results) : len(results) + len(run)]
            answered, refusal = self._run(run, part, settings)
            results += [self._task.decode(item, row, settings) for (_, item), row in zip(part, answered, strict=False)]
            if refusal is not None:
                return results, refusal
        return results, failure

    def _run(
        self, rows: Sequence[Row], items: Sequence[tuple[int, Any]], settings: Settings
    ) -> tuple[list[Row], TritonPipelinesError | None]:
        """The output rows of one request; when it is refused for an item, those before that item, and the error."""
        try:
            with about(self.task, items[0][0]):
                return self._send(rows, settings), None
        except InvalidInput as error:
            if len(rows) == 1:
                return [], error
        except TritonPipelinesError as error:
            return [], error
        # One bad row fails the whole request and the answer does not say which: the rows one by one do.
        found: list[Row] = []
        for row, item in zip(rows, items, strict=True):
            outputs, failure = self._run([row], [item], settings)
            if failure is not None:
                return found, failure
            found += outputs
        return found, None

    def _encode(self, item: Any, settings: Settings) -> Row:
        return {**self._task.encode(self._task.load(item, settings), settings), **settings.tensors}

    def _send(self, rows: Sequence[Row], settings: Settings) -> list[Row]:
        """One request with these rows, and the rows of its response."""
        if self._task.decoupled:
            (row,) = rows
            return [self._infer(Request(self.model, row, settings.parameters, decoupled=True))]
        return unstack(self._infer(Request(self.model, stack(rows), settings.parameters)), len(rows))

    def _infer(self, request: Request) -> Tensors:
        with naming_deployments(self.model, self._transport):
            return self._transport.infer(request)

    def _pieces(self, request: Request) -> Iterator[str]:
        with about(self.task), naming_deployments(self.model, self._transport):
            for outputs in self._transport.stream(request):
                yield self._task.piece(outputs)

    def _sizes(self, items: Iterable[Any], batch_size: int | None, num_workers: int | None) -> tuple[int, int]:
        """Rows a request and requests under way: as the call says, pipeline() said, or the task has them."""
        size = _first(batch_size, self._batch_size, self._task.batch_size)
        workers = _first(num_workers, self._num_workers, self._task.num_workers)
        if size < 1 or workers < 0:
            raise InvalidInput(f"batch_size={size} must be at least 1, and num_workers={workers} at least 0")
        if self._task.decoupled:
            size = 1
        elif size > 1 and not (isinstance(items, Sequence) and len(items) < 2):
            size = min(size, self._limit() or size)
        return size, max(workers, 1)

    def _limit(self) -> int:
        """The deployment's max_batch_size, asked once; 0 where the server keeps its configurations to itself."""
        with self._asking:
            if self._max_batch_size is None:
                try:
                    with naming_deployments(self.model, self._transport):
                        self._max_batch_size = self._transport.describe(self.model).max_batch_size
                except (Unsupported, ServerError):
                    self._max_batch_size = 0
            return self._max_batch_size


def _delivered(outcome: Outcome) -> Iterator[Any]:
    results, error = outcome
    yield from results
    if error is not None:
        raise error


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)


@contextmanager
def naming_deployments(model: str, transport: Transport) -> Iterator[None]:
    """When the server does not have the model, make the error say what it has."""
    try:
        yield
    except NotFound as error:
        try:
            names = set(transport.models())
        except TritonPipelinesError:  # the server does not tell
            raise error from None
        served = sorted(name for name in names if f"{name}_preprocess" in names)
        raise NotFound(
            f"{transport.url} has no deployment {model!r}; it has {', '.join(served) or 'none'}. "
            f"Install one with scripts/install.py and serve it, or give model=..."
        ) from error
