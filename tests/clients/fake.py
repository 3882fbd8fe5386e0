"""Short ways to a pipeline on a fake transport, and to tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from triton_pipelines import AsyncPipeline, Pipeline, tasks
from triton_pipelines.testing import FakeTransport
from triton_pipelines.transport import Array, Request

__all__ = ["Answer", "FakeTransport", "fake", "fake_async", "floats", "ints", "sent", "text"]

Answer = Callable[[Request], Any]


def fake(task: str, answer: Answer, *, retries: int = 0, **options: Any) -> tuple[Pipeline, FakeTransport]:
    """A pipeline on a fake transport, and the transport."""
    transport = FakeTransport(answer)
    return Pipeline(tasks.find(task), transport, retries=retries, **options), transport


def fake_async(task: str, answer: Answer, *, retries: int = 0, **options: Any) -> tuple[AsyncPipeline, FakeTransport]:
    transport = FakeTransport(answer)
    return AsyncPipeline(tasks.find(task), transport, retries=retries, **options), transport


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
