"""How requests travel: `connect(url)` gives the transport of a URL; all transports have the same few methods.

    transport = connect("localhost:8001", timeout=300)
    transport.infer(Request("text_classification", {"TEXT": np.array([[b"I love it"]], dtype=object)}, {"top_k": 2}))
    # {"LABEL": array([[b'POSITIVE', b'NEGATIVE']]), "SCORE": array([[0.99, 0.01]], dtype=float32)}

Arrays of text are object arrays of bytes in both directions. Transports may be used from several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from numpy.typing import NDArray

from ..errors import InvalidInput

Scalar = bool | int | float | str
Array = NDArray[Any]
Tensors = dict[str, Array]


@dataclass(frozen=True)
class Request:
    """One request: `tensors` by name, batch dimension first unless the model is `decoupled`."""

    model: str
    tensors: Mapping[str, Array]
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    decoupled: bool = False


@dataclass(frozen=True)
class Description:
    """What the server says about a model: its tensors, and how many rows a request may have (0: no batch dimension)."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    max_batch_size: int


class Transport(Protocol):
    """All methods raise TritonPipelinesError, and nothing else for what a server or a network does."""

    url: str

    def infer(self, request: Request) -> Tensors:
        """The one response of a request."""

    def stream(self, request: Request) -> Iterator[Tensors]:
        """The responses of a request to a decoupled model, as they come. Closing the iterator cancels the request."""

    def describe(self, model: str) -> Description:
        """The tensors and limits of a model."""

    def models(self) -> list[str]:
        """The names of the models that are ready."""

    def close(self) -> None:
        """Let go of the connections; a later call opens new ones."""


def connect(url: str, *, timeout: float | None = None, headers: Mapping[str, str] | None = None) -> Transport:
    """The transport for a URL: `host:port` and `grpc://` are gRPC, `http://` is HTTP; `grpcs://`, `https://` use TLS.

    timeout: seconds that one request may take; None waits for ever.
    headers: HTTP headers or gRPC metadata sent with every request, such as {"authorization": "Bearer ..."}.
    """
    scheme, address = urlsplit(url).scheme if "://" in url else "grpc", url.split("://", 1)[-1]
    if not address:
        raise InvalidInput(f"url {url!r} names no host: write host:port, or http://host:port")
    if scheme in ("grpc", "grpcs"):
        from .grpc import GrpcTransport

        return GrpcTransport(address.rstrip("/"), secure=scheme == "grpcs", timeout=timeout, headers=headers)
    if scheme in ("http", "https"):
        from .http import HttpTransport

        return HttpTransport(url.rstrip("/"), timeout=timeout, headers=headers)
    raise InvalidInput(f"url {url!r}: {scheme}:// is none of grpc://, grpcs://, http:// and https://")
