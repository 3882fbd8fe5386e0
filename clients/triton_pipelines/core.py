"""What Pipeline and AsyncPipeline have in common: all but waiting.

The work of a call is a generator, a Flow: it yields what is to be done on the network or the disk (a Step), is given
what came of it, or the exception, and returns its result. Drivers (`pipelines.py`, `async_pipelines.py`) do the steps.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from .batching import Group, size_of, stack, unstack
from .errors import (
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    ServerError,
    TritonPipelinesError,
    Unavailable,
    Unsupported,
    about,
)
from .retries import Attempts
from .shared_memory import Slot, Slots, is_local
from .tasks.base import Inputs, Row, Settings, Shape, Task
from .transport import Request, Tensors
from .transport.kept import Kept

T = TypeVar("T")


@dataclass(frozen=True)
class Load:
    """Read what an item points to."""

    item: Any
    settings: Settings


@dataclass(frozen=True)
class Ask:
    """Call a method of the transport: "infer" with a Request, "describe" with a model, "models" with nothing."""

    method: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Sleep:
    seconds: float


Step = Load | Ask | Sleep
Flow = Generator[Step, Any, T]


@dataclass(frozen=True)
class Call:
    """One call, its arguments taken apart."""

    inputs: Inputs
    settings: Settings
    request_timeout: float | None
    keep: bool  # on_error="return"

    @property
    def shape(self) -> Shape:
        return self.inputs.shape

    @property
    def total(self) -> int | None:
        """How many items there are, where that is known."""
        items = self.inputs.items
        return len(items) if isinstance(items, Sized) else self.inputs.total


class Core:
    """task: the task's name; model: the deployment's name; url: the server's."""

    def __init__(
        self,
        task: Task,
        url: str,
        *,
        model: str | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        request_timeout: float | None = 300.0,
        retries: int = 6,
        shared_memory: bool | str = False,
        **defaults: Any,
    ) -> None:
        if shared_memory not in (True, False, "auto"):
            raise InvalidInput(f'shared_memory={shared_memory!r} is none of True, False and "auto"')
        self.task = task.name
        self.model = model or task.name.replace("-", "_")
        self.url = url
        self._task = task
        self._batch_size = batch_size
        self._num_workers = num_workers
        self._request_timeout = request_timeout
        self._retries = retries
        with about(task.name):
            self._defaults = task.parameters(**defaults)
        self._max_batch_size: int | None = None
        self._reached = False
        self._slots: Kept[Slots] | None = None
        if shared_memory is True or (shared_memory == "auto" and is_local(url)):
            self._slots = Kept(partial(Slots, required=shared_memory is True))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.task}: {self.model} at {self.url}>"

    def _call(
        self,
        inputs: tuple[Any, ...],
        arguments: dict[str, Any],
        request_timeout: float | None = None,
        on_error: str = "raise",
    ) -> Call:
        if on_error not in ("raise", "return"):
            raise InvalidInput(f'on_error={on_error!r} is neither "raise" nor "return"')
        taken = self._task.items(*inputs, **arguments)
        settings = self._defaults | self._task.parameters(**taken.parameters)
        timeout = self._request_timeout if request_timeout is None else request_timeout
        return Call(taken, settings, timeout, keep=on_error == "return")

    # Flows.

    def _one(self, call: Call) -> Flow[Any]:
        (item,) = call.inputs.items
        try:
            with about(self.task):
                row = yield from self._row(item, call.settings)
                (outputs,) = yield from self._rows([row], call)
                return self._task.decode(item, outputs, call.settings)
        except TritonPipelinesError as error:
            if call.keep:
                return error
            raise

    def _batch(self, items: Sequence[tuple[int, Any]], call: Call) -> Flow[list[Any]]:
        """Some items, in requests of rows that stack. Errors stand in the place of results; where they are not kept,
        the first one is the last of all."""
        results: list[Any] = []
        group = Group()
        for index, item in items:
            refusal: TritonPipelinesError | None = None
            row: Row = {}
            try:
                with about(self.task, index):
                    row = yield from self._row(item, call.settings)
            except TritonPipelinesError as error:
                refusal = error
            if group and (refusal is not None or not group.takes(row)):
                results += yield from self._group(group, call)
                group = Group()
                if self._ends(results, call):
                    return results
            if refusal is None:
                group.add(index, item, row)
                continue
            results.append(refusal)
            if not call.keep:
                return results
        if group:
            results += yield from self._group(group, call)
        return results

    def _group(self, group: Group, call: Call) -> Flow[list[Any]]:
        """The results of one request, or errors in their place."""
        try:
            with about(self.task, group.indices[0]):
                answers = yield from self._rows(group.rows, call)
                found = zip(group.items, answers, strict=True)
                return [self._task.decode(item, outputs, call.settings) for item, outputs in found]
        except TritonPipelinesError as error:
            # One bad row fails the whole request and the answer does not say which: the rows one by one do.
            if len(group) > 1 and isinstance(error, (InvalidInput, ServerError) if call.keep else InvalidInput):
                results: list[Any] = []
                for single in group.singles():
                    results += yield from self._group(single, call)
                    if self._ends(results, call):
                        break
                return results
            return [_at(index, error) for index in group.indices] if call.keep else [error]

    @staticmethod
    def _ends(results: list[Any], call: Call) -> bool:
        return not call.keep and isinstance(results[-1], TritonPipelinesError)

    def _row(self, item: Any, settings: Settings) -> Flow[Row]:
        if type(self._task).load is not Task.load:
            item = yield Load(item, settings)
        return {**self._task.encode(item, settings), **settings.tensors}

    def _rows(self, rows: Sequence[Row], call: Call) -> Flow[list[Row]]:
        """One request with these rows, and the rows of its response."""
        parameters = call.settings.parameters
        if self._task.decoupled:
            (row,) = rows
            request = Request(self.model, row, parameters, decoupled=True)
        else:
            request = Request(self.model, stack(rows), parameters)
        outputs = yield from self._infer(request, call)
        if absent := [name for name in self._task.outputs if name not in outputs]:
            raise Unsupported(f"{self.model!r} is for another task: its answer has no {', '.join(absent)}")
        return [outputs] if request.decoupled else unstack(outputs, len(rows))

    def _infer(self, request: Request, call: Call) -> Flow[Tensors]:
        attempts = self._attempts(call.request_timeout)
        slots = None if self._slots is None or request.decoupled else self._slots.get()
        if slots is not None and slots.wants(request.tensors):
            answer = yield from self._lent(request, attempts, slots)
            if answer is not None:
                return answer
        return (yield from self._inferred(request, attempts))

    def _inferred(self, request: Request, attempts: Attempts) -> Flow[Tensors]:
        outputs: Tensors = yield from self._asked(attempts, lambda: Ask("infer", (attempts.timed(request),)))
        return outputs

    def _lent(self, request: Request, attempts: Attempts, slots: Slots) -> Flow[Tensors | None]:
        """The answer to a request whose tensors lie in shared memory; None where the server does without."""
        slot = slots.take(size_of(request.tensors))
        if slot is None:
            try:
                slot = yield from self._new_slot(size_of(request.tensors), attempts, slots)
            except (Unavailable, DeadlineExceeded):  # OSErrors, too
                raise
            except (TritonPipelinesError, OSError) as error:
                slots.refused = True
                if slots.required:
                    raise Unsupported(f"shared_memory=True: {error}") from error
                return None
        lent = replace(request, regions=slot.write(request.tensors))
        try:
            answer = yield from self._inferred(lent, attempts)
        except BaseException as error:
            if not isinstance(error, (InvalidInput, NotFound, ServerError)):
                slots.lose(slot)  # the server may be reading it, or has forgotten it
                raise
            if "shared memory region" not in str(error):  # it is about the input
                slots.give(slot)
                raise
            slots.forget()  # the server was started anew, and knows none of them
            return None
        slots.give(slot)
        return answer

    def _new_slot(self, size: int, attempts: Attempts, slots: Slots) -> Flow[Slot]:
        slot = slots.make(size)
        try:
            yield from self._asked(attempts, lambda: Ask("share", (slot.name, slot.key, slot.size)))
        finally:
            slot.forget_name()
        return slot

    def _unshare(self) -> Flow[None]:
        """Make the server forget this process's slots."""
        slots = None if self._slots is None else self._slots.pop()
        for name in [] if slots is None else slots.forget():
            with suppress(TritonPipelinesError):
                yield Ask("unshare", (name,))

    def _attempts(self, timeout: float | None) -> Attempts:
        return Attempts(self._retries, timeout, reached=self._reached)

    def _asked(self, attempts: Attempts, ask: Callable[[], Ask]) -> Flow[Any]:
        """Ask until there is an answer."""
        while True:
            try:
                answer = yield ask()
            except TritonPipelinesError as error:
                yield from self._again(error, attempts)
            else:
                self._reached = True
                return answer

    def _again(self, error: TritonPipelinesError, attempts: Attempts) -> Flow[None]:
        """Pause before the next attempt, or raise. When the server does not have the model, say what it has."""
        if isinstance(error, NotFound):
            try:
                models = yield Ask("models")
            except TritonPipelinesError:  # the server does not tell
                raise error from None
            if models.get(self.model):  # something else was not found, such as shared memory
                raise error
            raise missing(self.model, self.url, models) from error
        yield Sleep(attempts.pause(error))

    def _streamed(
        self, inputs: tuple[Any, ...], arguments: dict[str, Any], request_timeout: float | None
    ) -> Flow[tuple[Request, Call]]:
        """The request of stream()."""
        with about(self.task):
            if not self._task.decoupled:
                raise Unsupported(f"{self.task} does not stream: its results come whole")
            call = self._call(inputs, arguments, request_timeout)
            if call.shape is not Shape.ONE:
                raise InvalidInput("stream() takes one prompt or one chat")
            (item,) = call.inputs.items
            row = yield from self._row(item, call.settings)
            parameters = {**call.settings.parameters, "stream": True}
            return Request(self.model, row, parameters, decoupled=True), call

    def _sizes(self, call: Call, batch_size: int | None, num_workers: int | None) -> Flow[tuple[int, int]]:
        """Rows a request and requests under way: as the call says, pipeline() said, or the task has them."""
        size = _first(batch_size, self._batch_size, self._task.batch_size)
        workers = _first(num_workers, self._num_workers, self._task.num_workers)
        if size < 1 or workers < 0:
            raise InvalidInput(f"batch_size={size} must be at least 1, and num_workers={workers} at least 0")
        if self._task.decoupled:
            size = 1
        elif size > 1 and (call.total is None or call.total > 1):
            limit = yield from self._limit()
            size = min(size, limit or size)
        return size, max(workers, 1)

    def _limit(self) -> Flow[int]:
        """The deployment's max_batch_size, asked once; 0 where the server keeps its configurations to itself."""
        if self._max_batch_size is None:
            try:
                attempts = self._attempts(self._request_timeout)
                description = yield from self._asked(attempts, lambda: Ask("describe", (self.model,)))
                self._max_batch_size = description.max_batch_size
            except (Unsupported, ServerError):
                self._max_batch_size = 0
        return self._max_batch_size


def missing(model: str, url: str, models: dict[str, bool]) -> NotFound:
    """The error for a model that the server does not have."""
    served = sorted(name for name, ready in models.items() if ready and f"{name}_preprocess" in models)
    return NotFound(
        f"{url} has no deployment {model!r}; it has {', '.join(served) or 'none'}. "
        f"Install one with scripts/install.py and serve it, or give model=..."
    )


def delivered(results: Iterable[Any], call: Call) -> Iterator[Any]:
    """Results, with errors raised unless they are kept."""
    for result in results:
        if isinstance(result, TritonPipelinesError) and not call.keep:
            raise result
        yield result


def _at(index: int, error: TritonPipelinesError) -> TritonPipelinesError:
    """The error of a request as that of one of its items."""
    each = copy.copy(error)
    each.item = index
    each.__cause__ = error.__cause__
    return each


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
