"""HTTP: the binary tensor protocol, and Triton's generate endpoints for decoupled models.

tritonclient encodes and decodes the bodies. Its HTTP client is bound to gevent and not safe to use from plain
threads, so urllib3, which is, carries them.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
import urllib3
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from ..errors import InvalidInput, TritonPipelinesError, from_status
from . import Array, Description, Request, Tensors
from .refusals import refusal

_STATUS: dict[int, str | None] = {
    400: "INVALID_ARG",
    401: "UNSUPPORTED",
    403: "UNSUPPORTED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "UNAVAILABLE",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNSUPPORTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_GENERATE_STATUS = {**_STATUS, 400: None}  # these endpoints answer 400 to everything
_HEADER_LENGTH = "Inference-Header-Content-Length"
_CONNECTIONS = 32  # kept open; more may be in use at once


class HttpTransport:
    """A pool of kept-alive connections to `url`, opened as calls need them, anew in each process."""

    def __init__(self, url: str, *, timeout: float | None, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self._timeout = timeout
        self._headers = dict(headers or {})
        self._lock = threading.Lock()
        self._pool: urllib3.PoolManager | None = None
        self._process = 0

    def _connections(self) -> urllib3.PoolManager:
        with self._lock:
            if self._pool is None or self._process != os.getpid():  # sockets must not be shared with a forked parent
                self._pool = urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False)
                self._process = os.getpid()
            return self._pool

    def _send(
        self,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        statuses: Mapping[int, str | None] = _STATUS,
        preload: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        """GET without a body, POST with one; raises unless the answer is 200."""
        try:
            response = self._connections().request(
                "GET" if body is None else "POST",
                f"{self.url}/v2/{path}",
                body=body,
                headers={**self._headers, **(headers or {})},
                timeout=self._timeout,
                preload_content=preload,
            )
            if response.status != 200:
                raise refusal(statuses.get(response.status, "UNKNOWN"), _reason(response), self.url)
        except urllib3.exceptions.HTTPError as error:
            raise self._error(error) from error
        return response

    def _error(self, error: Exception) -> TritonPipelinesError:
        if isinstance(error, urllib3.exceptions.ReadTimeoutError):
            return from_status(
                "DEADLINE_EXCEEDED",
                f"{self.url} gave no answer within {self._timeout} s; raise request_timeout if it needs longer",
            )
        return from_status(
            "UNAVAILABLE",
            f"{self.url}: {error}; is the server up, and is this its HTTP port? For the gRPC port write host:port",
        )

    def infer(self, request: Request) -> Tensors:
        if request.decoupled:  # /infer refuses decoupled models
            path = _path(request.model, "generate")
            return self._from_json(self._send(path, _to_json(request), statuses=_GENERATE_STATUS).data)
        inputs = []
        for name, array in request.tensors.items():
            tensor = InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(array, binary_data=True)
            inputs.append(tensor)
        try:
            body, length = InferenceServerClient.generate_request_body(inputs, parameters=dict(request.parameters))
        except InferenceServerException as error:  # a parameter that is named like one of Triton's own
            raise InvalidInput(error.message()) from error
        headers = {} if length is None else {_HEADER_LENGTH: str(length)}
        response = self._send(_path(request.model, "infer"), body, headers)
        result = InferenceServerClient.parse_response_body(
            response.data, header_length=response.headers.get(_HEADER_LENGTH)
        )
        return {output["name"]: result.as_numpy(output["name"]) for output in result.get_response()["outputs"]}

    def stream(self, request: Request) -> Iterator[Tensors]:
        path = _path(request.model, "generate_stream")
        response = self._send(path, _to_json(request), statuses=_GENERATE_STATUS, preload=False)
        try:
            for event in _events(response):
                yield self._from_json(event)
        except urllib3.exceptions.HTTPError as error:
            raise self._error(error) from error
        finally:
            response.close()  # what is left unread cannot be skipped: the connection is of no further use

    def _from_json(self, body: bytes) -> Tensors:
        """The tensors of a generate answer: one-element tensors come as plain values, others as lists."""
        answer = json.loads(body)
        if "error" in answer:  # the status line had gone before
            raise refusal(None, str(answer["error"]), self.url)
        outputs = {name: value for name, value in answer.items() if name not in ("model_name", "model_version", "id")}
        return {name: _array(value if isinstance(value, list) else [value]) for name, value in outputs.items()}

    def describe(self, model: str) -> Description:
        config = json.loads(self._send(_path(model, "config")).data)
        return Description(
            tuple(tensor["name"] for tensor in config["input"]),
            tuple(tensor["name"] for tensor in config["output"]),
            config["max_batch_size"],
        )

    def models(self) -> list[str]:
        return [model["name"] for model in json.loads(self._send("repository/index", b'{"ready": true}').data)]

    def close(self) -> None:
        with self._lock:
            if self._pool is not None and self._process == os.getpid():
                self._pool.clear()
            self._pool = None


def _path(model: str, verb: str) -> str:
    return f"models/{quote(model, safe='')}/{verb}"


def _reason(response: urllib3.BaseHTTPResponse) -> str:
    """Why an answer is not 200: Triton sends {"error": text}, also as an event; a proxy may send anything."""
    try:
        return str(json.loads(response.data.removeprefix(b"data:"))["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status}, {response.data[:200].decode(errors='replace')}"


def _events(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The data of each server-sent event."""
    rest = b""
    for chunk in response.stream(amt=None):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.removeprefix(b"data:") for line in lines if line.startswith(b"data:"))


def _to_json(request: Request) -> bytes:
    tensors = {name: _plain(array) for name, array in request.tensors.items()}
    return json.dumps({**tensors, "parameters": dict(request.parameters)}).encode()


def _plain(array: Array) -> list[Any]:
    return [value.decode() if isinstance(value, bytes) else value for value in array.tolist()]


def _array(values: list[Any]) -> Array:
    if any(isinstance(value, str) for value in values):
        return np.array([str(value).encode() for value in values], dtype=np.object_)
    return np.array(values)
