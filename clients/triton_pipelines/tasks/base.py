"""What a task is: the pipeline's arguments and return values on one side, tensors on the other, and no network.

    task.items("I love it", top_k=2)            # Inputs: what to run, and the parameters of this call
    task.parameters(top_k=2)                    # Settings: request parameters, tensors every row repeats, options
    task.load(item, settings)                   # files and URLs to bytes: the one verb that may block
    task.encode(loaded, settings)               # the tensors of one row
    task.decode(item, outputs, settings)        # what the pipeline returns for one item

A driver (`pipelines.py`) does the rest: rows into requests, requests through a transport, results in order.
"""

from __future__ import annotations

import enum
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from ..errors import InvalidInput
from ..transport import Array, Scalar

Row = dict[str, Array]
NULL = "null"  # None, as a request parameter


class Shape(enum.Enum):
    """How results come back."""

    ONE = "one item, one result"
    LIST = "a list of items, a list of results"
    STREAM = "any other iterable, an iterator of results"


@dataclass(frozen=True)
class Inputs:
    """What one call is to run, and its keyword arguments that are not inputs."""

    items: Iterable[Any]  # for AsyncPipeline also an asynchronous one
    shape: Shape
    parameters: dict[str, Any]
    total: int | None = None  # how many items there are, where that is known


@dataclass(frozen=True)
class Settings:
    """What keyword arguments come to. `a | b` is a, overridden by b.

    parameters: sent with each request.
    tensors: added to every row.
    options: what only encode() and decode() need to know.
    """

    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    tensors: Mapping[str, Array] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __or__(self, other: Settings) -> Settings:
        return Settings(
            {**self.parameters, **other.parameters},
            {**self.tensors, **other.tensors},
            {**self.options, **other.options},
        )


class Task:
    """One task of the pipeline API; stateless. Subclasses say what is theirs."""

    name: ClassVar[str]  # "fill-mask"
    inputs: ClassVar[tuple[str, ...]]  # the tensors that tell the task's models from others
    outputs: ClassVar[tuple[str, ...]]
    batch_size: ClassVar[int] = 32  # rows a request, when the caller does not say
    num_workers: ClassVar[int] = 4  # requests on their way at once, when the caller does not say
    decoupled: ClassVar[bool] = False  # no batch dimension, any number of responses

    def items(self, *inputs: Any, **parameters: Any) -> Inputs:
        """A call's arguments taken apart. Subclasses have the signature of their pipeline's `__call__`."""
        raise NotImplementedError

    def parameters(self, **parameters: Any) -> Settings:
        """Keyword arguments of a call, or of pipeline(), as settings; only what was given."""
        return Settings(scalars(parameters))

    def load(self, item: Any, settings: Settings) -> Any:
        """The item with what it points to read into memory."""
        return item

    def encode(self, item: Any, settings: Settings) -> Row:
        """The tensors of one row, without the batch dimension."""
        raise NotImplementedError

    def decode(self, item: Any, outputs: Row, settings: Settings) -> Any:
        """The result of one item out of its row of the outputs.

        These are read-only views of the whole response: an array of the result is a copy, the caller's to write to.
        """
        raise NotImplementedError

    def piece(self, outputs: Row) -> str:
        """The text of one response of a stream; for decoupled tasks."""
        raise NotImplementedError


def split(inputs: Any, parameters: dict[str, Any]) -> Inputs:
    """One item, a list, or an iterable, as transformers tells them apart; tuples and columns count as lists."""
    if _is_column(inputs):
        inputs = list(inputs)
    if isinstance(inputs, (list, tuple)):
        return Inputs(inputs, Shape.LIST, parameters)
    if hasattr(inputs, "__aiter__"):  # for AsyncPipeline
        return Inputs(inputs, Shape.STREAM, parameters)
    if is_iterable(inputs):
        return Inputs(_iterate(inputs), Shape.STREAM, parameters, _length(inputs))
    return one(inputs, parameters)


def one(item: Any, parameters: dict[str, Any]) -> Inputs:
    return Inputs([item], Shape.ONE, parameters)


def is_iterable(inputs: Any) -> bool:
    """Whether this is a generator, a dataset or the like, rather than one item."""
    if _is_column(inputs):
        return True
    if isinstance(inputs, (str, bytes, bytearray, Mapping, Path, Image.Image)) or hasattr(inputs, "__array__"):
        return False
    return hasattr(inputs, "__iter__") or hasattr(inputs, "__getitem__")


def _is_column(inputs: Any) -> bool:
    """Whether this is a series of pandas or an array of numpy that holds text or objects: no image, and no sound."""
    return getattr(inputs, "ndim", None) == 1 and getattr(getattr(inputs, "dtype", None), "kind", None) in ("O", "U")


def _iterate(inputs: Any) -> Iterator[Any]:
    if hasattr(inputs, "__iter__"):
        return iter(inputs)
    # A dataset in the manner of PyTorch has a length and an index, and need not raise IndexError at its end.
    return (inputs[index] for index in range(len(inputs)))


def _length(inputs: Any) -> int | None:
    try:
        return len(inputs)
    except Exception:  # a generator, or a dataset that does not know
        return None


def given(**parameters: Any) -> dict[str, Any]:
    """Those that are not None: for arguments whose None means "the default"."""
    return {name: value for name, value in parameters.items() if value is not None}


def scalars(parameters: Mapping[str, Any]) -> dict[str, Scalar]:
    """Values as request parameters: None becomes "null", an enum its value, a numpy scalar Python's."""
    return {name: _scalar(name, value) for name, value in parameters.items()}


def _scalar(name: str, value: Any) -> Scalar:
    if value is None:
        return NULL
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float, str)):
        return value
    raise InvalidInput(
        f"{name}={value!r} is a {type(value).__name__}: the server takes numbers, strings, booleans and None here"
    )


def choice(value: Any) -> Any:
    """A choice as the server spells it: enum members by their value, in lower case."""
    value = value.value if isinstance(value, enum.Enum) else value
    return value.lower() if isinstance(value, str) else value


def refuse(**reasons: tuple[Any, str]) -> None:
    """Raise for the first argument that was given (is not None), with its reason."""
    for name, (value, reason) in reasons.items():
        if value is not None:
            raise InvalidInput(f"{name} is not supported here: {reason}")


def deprecated(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated, use {new}", FutureWarning, stacklevel=2)


def bytes_of(text: Any, what: str) -> bytes:
    """A text in UTF-8; `what` names it in the error."""
    if not isinstance(text, str):
        raise InvalidInput(f"{what} must be a string, not {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{what} is not valid Unicode: {error}") from error


def text_tensor(texts: Iterable[Any], what: str) -> Array:
    """Texts as a tensor [n] of UTF-8 bytes."""
    return bytes_tensor(bytes_of(text, what) for text in texts)


def bytes_tensor(values: Iterable[bytes]) -> Array:
    return np.array(list(values), dtype=np.object_)


def text_list(values: Any, what: str) -> list[str]:
    """A string or several, as a list."""
    values = [values] if isinstance(values, str) else values
    if not is_iterable(values):
        raise InvalidInput(f"{what} must be a string or a list of strings, not {type(values).__name__}")
    return list(values)


def texts(tensor: Array) -> list[str]:
    """A tensor [n] of UTF-8 bytes as strings."""
    return [value.decode() for value in tensor.tolist()]


def labelled(outputs: Row) -> list[dict[str, Any]]:
    """LABEL [n] and SCORE [n] of a row as the classification pipelines return them."""
    pairs = zip(texts(outputs["LABEL"]), outputs["SCORE"].tolist(), strict=True)
    return [{"label": label, "score": score} for label, score in pairs]


def scored(outputs: Row) -> list[dict[str, Any]]:
    """The same with its keys in the other order, as some of these pipelines have them."""
    return [{"score": each["score"], "label": each["label"]} for each in labelled(outputs)]
