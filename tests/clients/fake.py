"""A transport without a server, and short ways to write tensors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from triton_pipelines import NotFound, Pipeline, tasks
from triton_pipelines.transport import Array, Description, Request, Tensors

Answer = Callable[[Request], Any]


class FakeTransport:
    """Answers requests with a function: tensors for infer(), an iterable of tensors for stream().

    `requests` are those that came, `most_at_once` how many of them were under way together.
    """

    url = "fake://server"

    def __init__(self, answer: Answer, *, max_batch_size: int = 64, names: tuple[str, ...] = ()) -> None:
        self.answer = answer
        self.names = names
        self.description = Description((), (), max_batch_size)
        self.requests: list[Request] = []
        self.described = 0
        self.closed = False
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def infer(self, request: Request) -> Tensors:
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self.answer(request)
        finally:
            with self._lock:
                self._at_once -= 1

    def stream(self, request: Request) -> Iterator[Tensors]:
        self.requests.append(request)
        yield from self.answer(request)

    def describe(self, model: str) -> Description:
        self.described += 1
        if self.names and model not in self.names:
            raise NotFound(f"unknown model {model}")
        return self.description

    def models(self) -> list[str]:
        return list(self.names)

    def close(self) -> None:
        self.closed = True

    @property
    def request(self) -> Request:
        """The only request that came."""
        (request,) = self.requests
        return request


def fake(task: str, answer: Answer, **defaults: Any) -> tuple[Pipeline, FakeTransport]:
    """A pipeline on a fake transport, and the transport."""
    transport = FakeTransport(answer)
    return Pipeline(tasks.find(task), transport, **defaults), transport


def text(*values: Any) -> Array:
    """A TYPE_STRING tensor of strings, or of nested lists of them."""
    return np.vectorize(str.encode, otypes=[object])(np.array(values, dtype=object))


def floats(*values: Any) -> Array:
    return np.array(values, dtype=np.float32)


def ints(*values: Any) -> Array:
    return np.array(values, dtype=np.int32)


def sent(request: Request, name: str) -> list[Any]:
    """A tensor of a request as lists, with text decoded."""
    array = request.tensors[name]
    return np.vectorize(bytes.decode, otypes=[object])(array).tolist() if array.dtype == object else array.tolist()
