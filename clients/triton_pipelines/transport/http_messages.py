"""Requests, answers and errors in Triton's HTTP protocol: the binary tensors of /infer, the JSON of /generate.

tritonclient encodes and decodes the bodies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

import numpy as np
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype, triton_to_np_dtype

from ..errors import ServerError, TritonPipelinesError, Unavailable, Unreachable
from . import Array, Description, Request, Tensors
from .refusals import refusal

STATUS: Mapping[int, str | None] = {
    400: "INVALID_ARG",
    401: "UNSUPPORTED",
    403: "UNSUPPORTED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "UNAVAILABLE",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNSUPPORTED",
    502: "UNAVAILABLE",  # a proxy's word for a server that is away
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
GENERATE_STATUS: Mapping[int, str | None] = {**STATUS, 400: None}  # these endpoints answer 400 to everything
INDEX = ("repository/index", b"{}")
_HEADER_LENGTH = "Inference-Header-Content-Length"

P = ParamSpec("P")
T = TypeVar("T")


def path(model: str, verb: str) -> str:
    return f"models/{quote(model, safe='')}/{verb}"


def share(name: str, key: str, size: int) -> tuple[str, bytes]:
    """Path and body."""
    body = json.dumps({"key": key, "offset": 0, "byte_size": size}).encode()
    return f"systemsharedmemory/region/{name}/register", body


def unshare(name: str) -> tuple[str, bytes]:
    return f"systemsharedmemory/region/{name}/unregister", b"{}"


def failure(status: int, body: bytes, url: str, meanings: Mapping[int, str | None]) -> TritonPipelinesError:
    """What an answer that is not 200 means. Triton sends {"error": text}, also as an event; a proxy, anything."""
    try:
        reason = str(json.loads(body.removeprefix(b"data:"))["error"])
    except (ValueError, KeyError, TypeError):
        reason = f"HTTP {status}, {body[:200].decode(errors='replace')}"
    return refusal(meanings.get(status, "UNKNOWN"), reason, url)


def unreachable(error: Exception, url: str) -> TritonPipelinesError:
    hint = "is the server up, and is this its HTTP port? For the gRPC port write host:port"
    return Unreachable(f"{url}: {error}; {hint}")


def lost(error: Exception, url: str) -> TritonPipelinesError:
    return Unavailable(f"{url}: the connection was lost: {error}")


def infer_body(request: Request) -> tuple[bytes, dict[str, str]]:
    """The body of a request, and its headers."""
    inputs = []
    for name, array in request.tensors.items():
        tensor = InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        if name in request.regions:
            region = request.regions[name]
            tensor.set_shared_memory(region.name, region.size, region.offset)
        else:
            tensor.set_data_from_numpy(array, binary_data=True)
        inputs.append(tensor)
    timeout = None if request.timeout is None else int(request.timeout * 1e6)  # what queues longer is not started
    body, length = InferenceServerClient.generate_request_body(
        inputs, timeout=timeout, parameters=dict(request.parameters)
    )
    return body, {} if length is None else {_HEADER_LENGTH: str(length)}


def _parses(parse: Callable[P, T]) -> Callable[P, T]:
    """What is not Triton's protocol, such as a page of another server, is a ServerError."""

    @wraps(parse)
    def parsed(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return parse(*arguments, **options)
        except TritonPipelinesError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, InferenceServerException) as error:
            raise ServerError(f"the answer is not Triton's ({error}); is this its HTTP port?") from error

    return parsed


@_parses
def infer_tensors(body: bytes, headers: Mapping[str, str]) -> Tensors:
    result = InferenceServerClient.parse_response_body(body, header_length=headers.get(_HEADER_LENGTH))
    return {
        # Empty ones come as FP64 from older releases of tritonclient.
        output["name"]: result.as_numpy(output["name"]).astype(triton_to_np_dtype(output["datatype"]), copy=False)
        for output in result.get_response()["outputs"]
    }


def generate_body(request: Request) -> bytes:
    tensors = {name: _plain(array) for name, array in request.tensors.items()}
    return json.dumps({**tensors, "parameters": dict(request.parameters)}).encode()


@_parses
def generate_tensors(body: bytes, url: str) -> Tensors:
    """The tensors of a generate answer: one-element tensors come as plain values, others as lists."""
    answer = json.loads(body)
    if "error" in answer:  # the status line had gone before
        raise refusal(None, str(answer["error"]), url)
    outputs = {name: value for name, value in answer.items() if name not in ("model_name", "model_version", "id")}
    return {name: _array(value if isinstance(value, list) else [value]) for name, value in outputs.items()}


class Events:
    """Server-sent events, out of chunks that end anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that are now whole."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [line.removeprefix(b"data:") for line in lines if line.startswith(b"data:")]


@_parses
def description(body: bytes) -> Description:
    config = json.loads(body)
    return Description(
        tuple(tensor["name"] for tensor in config["input"]),
        tuple(tensor["name"] for tensor in config["output"]),
        config["max_batch_size"],
    )


@_parses
def index(body: bytes) -> dict[str, bool]:
    return {model["name"]: model.get("state") == "READY" for model in json.loads(body)}


def _plain(array: Array) -> list[Any]:
    return [value.decode() if isinstance(value, bytes) else value for value in array.tolist()]


def _array(values: list[Any]) -> Array:
    if any(isinstance(value, str) for value in values):
        return np.array([str(value).encode() for value in values], dtype=np.object_)
    return np.array(values)
