"""How requests travel: `connect(url)` gives the transport of a URL; all transports have the same few methods.

    transport = connect("localhost:8001")
    transport.infer(Request("text_classification", {"TEXT": np.array([[b"I love it"]], dtype=object)}, {"top_k": 2}))
    # {"LABEL": array([[b'POSITIVE', b'NEGATIVE']]), "SCORE": array([[0.99, 0.01]], dtype=float32)}

Arrays of text are object arrays of bytes in both directions. Transports may be used from several threads at once, and
after a fork. `connect_async(url)` gives the same for an event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from numpy.typing import NDArray

from ..errors import InvalidInput
from .stop import Stop

Scalar = bool | int | float | str
Array = NDArray[Any]
Tensors = dict[str, Array]
Headers = Mapping[str, str]
CONTROL_TIMEOUT = 30.0  # seconds that the server may take to say what it has
_RESERVED = ("sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers", "binary_data_output")


@dataclass(frozen=True)
class Region:
    """Where the bytes of a tensor lie: `size` of them from `offset`, in what the server knows as `name`."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Request:
    """One request: `tensors` by name, batch dimension first unless the model is `decoupled`.

    parameters: of the model; names that Triton keeps for itself are refused, as it would not hand them on.
    timeout: seconds that the answer may take; None waits for ever.
    regions: of the tensors whose bytes the server finds in shared memory.
    """

    model: str
    tensors: Mapping[str, Array]
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    decoupled: bool = False
    timeout: float | None = None
    regions: Mapping[str, Region] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.parameters:
            if name in _RESERVED or name.startswith("triton_"):
                hint = "; request_timeout is the time that an answer may take" if name == "timeout" else ""
                raise InvalidInput(f"{name} is no parameter of this task, but reserved for Triton itself{hint}")


@dataclass(frozen=True)
class Description:
    """What the server says about a model: its tensors, and how many rows a request may have (0: no batch dimension)."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    max_batch_size: int


class Transport(Protocol):
    """All methods raise TritonPipelinesError, and nothing else for what a server or a network does."""

    url: str

    def infer(self, request: Request, stop: Stop | None = None) -> Tensors:
        """The one response of a request. Where that is possible, it ends early when `stop` is set."""

    def stream(self, request: Request) -> Iterator[Tensors]:
        """The responses of a request to a decoupled model, as they come. Closing the iterator cancels the request."""

    def describe(self, model: str) -> Description:
        """The tensors and limits of a model."""

    def models(self) -> dict[str, bool]:
        """The names of the models that the server knows, and whether each is ready."""

    def ready(self, model: str | None = None) -> bool:
        """Whether a model is ready, or else the server with all that it serves."""

    def share(self, name: str, key: str, size: int) -> None:
        """Make the system shared memory /dev/shm`key`, of `size` bytes, known to the server as `name`."""

    def unshare(self, name: str) -> None:
        """Make the server forget it."""

    def close(self) -> None:
        """Let go of the connections; a later call opens new ones."""


class AsyncTransport(Protocol):
    """The same in an event loop. The names differ, so that one class may be both."""

    url: str

    async def ainfer(self, request: Request) -> Tensors: ...

    def astream(self, request: Request) -> AsyncIterator[Tensors]: ...

    async def adescribe(self, model: str) -> Description: ...

    async def amodels(self) -> dict[str, bool]: ...

    async def ashare(self, name: str, key: str, size: int) -> None: ...

    async def aunshare(self, name: str) -> None: ...

    async def aclose(self) -> None: ...


def connect(url: str, *, headers: Headers | None = None) -> Transport:
    """The transport for a URL: `host:port` and `grpc://` are gRPC, `http://` is HTTP; `grpcs://`, `https://` use TLS.

    headers: HTTP headers or gRPC metadata sent with every request, such as {"authorization": "Bearer ..."}.
    """
    scheme, address = _taken_apart(url)
    if scheme in ("grpc", "grpcs"):
        from .grpc import GrpcTransport

        return GrpcTransport(address, secure=scheme == "grpcs", headers=headers)
    from .http import HttpTransport

    return HttpTransport(url.rstrip("/"), headers=headers)


def connect_async(url: str, *, headers: Headers | None = None) -> AsyncTransport:
    """The same for an event loop. A loop that comes after another one gets connections of its own."""
    scheme, address = _taken_apart(url)
    if scheme in ("grpc", "grpcs"):
        from .async_grpc import AsyncGrpcTransport

        return AsyncGrpcTransport(address, secure=scheme == "grpcs", headers=headers)
    from .async_http import AsyncHttpTransport

    return AsyncHttpTransport(url.rstrip("/"), headers=headers)


def _taken_apart(url: str) -> tuple[str, str]:
    """Scheme and address."""
    scheme, address = urlsplit(url).scheme if "://" in url else "grpc", url.split("://", 1)[-1]
    if not address:
        raise InvalidInput(f"url {url!r} names no host: write host:port, or http://host:port")
    if scheme not in ("grpc", "grpcs", "http", "https"):
        raise InvalidInput(f"url {url!r}: {scheme}:// is none of grpc://, grpcs://, http:// and https://")
    return scheme, address.rstrip("/")
