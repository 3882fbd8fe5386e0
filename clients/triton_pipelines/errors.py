"""What can go wrong, in one family.

    try:
        classify(texts)
    except InvalidInput as error:
        print(error.item, error)      # which text, and what is wrong with it
    except TritonPipelinesError as error:
        print(error.status)           # "UNAVAILABLE", ...

The classes and their `status` are the same over gRPC and HTTP. Where Python or the pipelines of transformers have an
exception of that meaning (ValueError, TimeoutError, ConnectionError, LookupError), the class is one of these too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class TritonPipelinesError(Exception):
    """Any failure of a call.

    status: Triton's name of the error code (INVALID_ARG, UNAVAILABLE, ...).
    task: the task that was called, such as "fill-mask"; None before one is known.
    item: the position, from 0, of the item that failed in a list or an iterable; None for a single item.
    """

    status = "UNKNOWN"

    def __init__(self, message: str, *, status: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status or type(self).status
        self.task: str | None = None
        self.item: int | None = None

    def __str__(self) -> str:
        place = ", ".join(
            part for part in (self.task, None if self.item is None else f"item {self.item}") if part is not None
        )
        return f"{place}: {self.message}" if place else self.message


class InvalidInput(TritonPipelinesError, ValueError):  # noqa: N818
    """The input or a parameter cannot be served; the message says what to change."""

    status = "INVALID_ARG"


class NotFound(TritonPipelinesError, LookupError):  # noqa: N818
    """The server has no such deployment; the message lists the ones it has."""

    status = "NOT_FOUND"


class Unavailable(TritonPipelinesError, ConnectionError):  # noqa: N818
    """The server is not ready, its queue is full, one of its processes died, or the connection was lost.

    The same call may work later: it has been tried again `retries` times.
    """

    status = "UNAVAILABLE"


class Unreachable(Unavailable):
    """Nothing listens at the URL, or its name is unknown."""


class DeadlineExceeded(TritonPipelinesError, TimeoutError):  # noqa: N818
    """No answer within `request_timeout` seconds."""

    status = "DEADLINE_EXCEEDED"


class Unsupported(TritonPipelinesError):  # noqa: N818
    """The server does not do this, or does not let this client do it."""

    status = "UNSUPPORTED"


class ServerError(TritonPipelinesError):
    """The server failed at a request that it accepted; its log says more."""

    status = "INTERNAL"


_CLASSES: tuple[type[TritonPipelinesError], ...] = (InvalidInput, NotFound, Unavailable, DeadlineExceeded, Unsupported)
_BY_STATUS = {cls.status: cls for cls in _CLASSES}


def from_status(status: str, message: str) -> TritonPipelinesError:
    """The exception for a Triton error code; ServerError for codes that have no class of their own."""
    return _BY_STATUS.get(status, ServerError)(message, status=status)


@contextmanager
def about(task: str, item: int | None = None) -> Iterator[None]:
    """Note on errors that pass through which task, and which item, they are about."""
    try:
        yield
    except TritonPipelinesError as error:
        error.task = task
        error.item = item if error.item is None else error.item
        raise
