"""For tests of code that calls pipelines: answers without a server.

    from triton_pipelines import pipeline
    from triton_pipelines.testing import FakeTransport

    def answer(request):
        rows = len(request.tensors["TEXT"])
        return {"LABEL": [["POSITIVE"]] * rows, "SCORE": [[0.75]] * rows}

    transport = FakeTransport(answer)
    classify = pipeline("text-classification", transport=transport)
    assert classify("I love it") == [{"label": "POSITIVE", "score": 0.75}]
    assert transport.requests[0].parameters == {}

The tensors of a task are its deployment's (docs, or model_repository/<task>/config.pbtxt).
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import numpy as np

from .errors import NotFound, Unsupported
from .transport import Array, Description, Request, Tensors
from .transport.stop import Stop

__all__ = ["FakeTransport", "tensor"]


class FakeTransport:
    """Answers requests with a function; for pipeline() and async_pipeline().

    answer: is given each Request, from any thread. Returns the tensors of the response by name, with the batch
        dimension first unless the request is `decoupled`; for stream() an iterable of such. Lists will do for arrays.
        May raise any TritonPipelinesError, such as Unavailable("full").
    max_batch_size: rows that a request may have.
    names: the models that there are; any name is known where none is given.
    description: the tensors of a model, for pipeline() without a task.

    `requests` are those that came, `most_at_once` how many of them were under way together.
    """

    url = "fake://server"

    def __init__(
        self,
        answer: Callable[[Request], Any],
        *,
        max_batch_size: int = 64,
        names: tuple[str, ...] = (),
        description: Description | None = None,
    ) -> None:
        self.answer = answer
        self.names = names
        self.description = description or Description((), (), max_batch_size)
        self.requests: list[Request] = []
        self.described = 0
        self.closed = False
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    @property
    def request(self) -> Request:
        """The only request that came."""
        (request,) = self.requests
        return request

    def infer(self, request: Request, stop: Stop | None = None) -> Tensors:
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return _tensors(self.answer(request))
        finally:
            with self._lock:
                self._at_once -= 1

    def stream(self, request: Request) -> Iterator[Tensors]:
        self.requests.append(request)
        responses = iter(self.answer(request))
        try:
            for response in responses:
                yield _tensors(response)
        finally:
            if hasattr(responses, "close"):
                responses.close()

    def describe(self, model: str) -> Description:
        self.described += 1
        if self.names and model not in self.names:
            raise NotFound(f"unknown model {model}")
        return self.description

    def models(self) -> dict[str, bool]:
        return dict.fromkeys(self.names, True)

    def ready(self, model: str | None = None) -> bool:
        return model is None or not self.names or model in self.names

    def share(self, name: str, key: str, size: int) -> None:
        raise Unsupported("there is no server to share memory with")

    def unshare(self, name: str) -> None: ...

    def close(self) -> None:
        self.closed = True

    async def ainfer(self, request: Request) -> Tensors:
        return self.infer(request)

    async def astream(self, request: Request) -> AsyncIterator[Tensors]:
        for response in self.stream(request):
            yield response

    async def adescribe(self, model: str) -> Description:
        return self.describe(model)

    async def amodels(self) -> dict[str, bool]:
        return self.models()

    async def ashare(self, name: str, key: str, size: int) -> None:
        self.share(name, key, size)

    async def aunshare(self, name: str) -> None:
        self.unshare(name)

    async def aclose(self) -> None:
        self.close()


def tensor(values: Any) -> Array:
    """Nested lists as a tensor: text as UTF-8 bytes, other real numbers as FP32, integers as INT32."""
    array = np.array(values, dtype=object if _holds_text(values) else None)
    if array.dtype == object:
        encode = np.vectorize(lambda value: value.encode() if isinstance(value, str) else value, otypes=[object])
        return np.asarray(encode(array))
    return array.astype({"f": np.float32, "i": np.int32}.get(array.dtype.kind, array.dtype))


def _holds_text(values: Any) -> bool:
    while isinstance(values, (list, tuple)) and values:
        values = values[0]
    return isinstance(values, (str, bytes))


def _tensors(answer: Mapping[str, Any]) -> Tensors:
    """Arrays that cannot be written to, as those are that come from a server."""
    tensors = {name: value.view() if isinstance(value, np.ndarray) else tensor(value) for name, value in answer.items()}
    for each in tensors.values():
        each.flags.writeable = False
    return tensors
