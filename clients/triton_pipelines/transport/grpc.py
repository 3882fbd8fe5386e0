"""gRPC: unary calls, and one stream a request for decoupled models.

Built on the protocol messages that tritonclient ships rather than on its client class: that one has a single stream,
and its channels, shared under the hood, do not survive a fork.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import InferResult, service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from ..errors import InvalidInput, TritonPipelinesError, from_status
from . import Array, Description, Request, Scalar, Tensors
from .refusals import refusal

_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: "INVALID_ARG",
    grpc.StatusCode.NOT_FOUND: "NOT_FOUND",
    grpc.StatusCode.UNAVAILABLE: "UNAVAILABLE",
    grpc.StatusCode.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    grpc.StatusCode.UNIMPLEMENTED: "UNSUPPORTED",
    grpc.StatusCode.UNAUTHENTICATED: "UNSUPPORTED",
    grpc.StatusCode.PERMISSION_DENIED: "UNSUPPORTED",
    grpc.StatusCode.ALREADY_EXISTS: "ALREADY_EXISTS",
    grpc.StatusCode.CANCELLED: "CANCELLED",
    grpc.StatusCode.INTERNAL: "INTERNAL",
}
# Images and audio go beyond gRPC's default of 4 MB; the server's own limits hold.
_UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class GrpcTransport:
    """One channel to `address`, opened by the first call of each process."""

    def __init__(
        self, address: str, *, secure: bool, timeout: float | None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.url = f"{'grpcs' if secure else 'grpc'}://{address}"
        self._address = address
        self._secure = secure
        self._timeout = timeout
        self._metadata = tuple((name.lower(), value) for name, value in (headers or {}).items())
        self._lock = threading.Lock()
        self._channel: Any = None
        self._process = 0

    @property
    def _stub(self) -> Any:
        with self._lock:
            if self._channel is None or self._process != os.getpid():  # a channel is of no use after a fork
                if self._secure:
                    self._channel = grpc.secure_channel(self._address, grpc.ssl_channel_credentials(), _UNLIMITED)
                else:
                    self._channel = grpc.insecure_channel(self._address, _UNLIMITED)
                self._process = os.getpid()
            return service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    def _call(self, method: str, message: Any) -> Any:
        return getattr(self._stub, method)(message, timeout=self._timeout, metadata=self._metadata)

    def _unary(self, method: str, message: Any) -> Any:
        try:
            return self._call(method, message)
        except grpc.RpcError as error:
            raise self._error(error) from error

    def _error(self, error: Any) -> TritonPipelinesError:
        status, message = _STATUS.get(error.code(), "UNKNOWN"), str(error.details())
        if status == "DEADLINE_EXCEEDED":
            message = f"{self.url} gave no answer within {self._timeout} s; raise request_timeout if it needs longer"
        elif "failed to connect" in message:
            message += "; is the server up, and is this its gRPC port? For the HTTP port write http://host:port"
        return refusal(status, message, self.url)

    def infer(self, request: Request) -> Tensors:
        if request.decoupled:  # ModelInfer refuses decoupled models
            return single_response(request.model, self.stream(request))
        return _tensors(self._unary("ModelInfer", _message(request)))

    def stream(self, request: Request) -> Iterator[Tensors]:
        # Not with the header triton_grpc_error, which would give failures a status: with it, a failing request may
        # bring the whole server down (seen with 2.51, within tens of requests).
        call = self._call("ModelStreamInfer", iter([_message(request)]))
        try:
            for response in call:
                if response.error_message:
                    raise refusal(None, response.error_message, self.url)
                if response.infer_response.outputs:
                    yield _tensors(response.infer_response)
        except grpc.RpcError as error:
            raise self._error(error) from error
        finally:
            call.cancel()

    def describe(self, model: str) -> Description:
        config = self._unary("ModelConfig", service_pb2.ModelConfigRequest(name=model)).config
        return Description(
            tuple(tensor.name for tensor in config.input),
            tuple(tensor.name for tensor in config.output),
            config.max_batch_size,
        )

    def models(self) -> list[str]:
        index = self._unary("RepositoryIndex", service_pb2.RepositoryIndexRequest(ready=True))
        return [model.name for model in index.models]

    def close(self) -> None:
        with self._lock:
            if self._channel is not None and self._process == os.getpid():
                self._channel.close()
            self._channel = None


def single_response(model: str, responses: Iterator[Tensors]) -> Tensors:
    """The only response of a stream."""
    received = list(responses)
    if len(received) != 1:
        raise from_status("INTERNAL", f"{model} gave {len(received)} responses where one was expected")
    return received[0]


def _message(request: Request) -> Any:
    message = service_pb2.ModelInferRequest(model_name=request.model)
    for name, value in request.parameters.items():
        _set(message.parameters[name], name, value)
    for name, array in request.tensors.items():
        message.inputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
        message.raw_input_contents.append(_bytes(array))
    return message


def _set(parameter: Any, name: str, value: Scalar) -> None:
    try:
        if isinstance(value, bool):
            parameter.bool_param = value
        elif isinstance(value, int):
            parameter.int64_param = value
        elif isinstance(value, float):
            parameter.double_param = value
        else:
            parameter.string_param = value
    except ValueError as error:
        raise InvalidInput(f"{name}={value!r} does not fit 64 bits") from error


def _bytes(array: Array) -> bytes:
    if array.dtype != np.object_:
        return array.tobytes()
    return bytes(serialize_byte_tensor(array).item()) if array.size else b""


def _tensors(response: Any) -> Tensors:
    result = InferResult(response)
    return {output.name: result.as_numpy(output.name) for output in response.outputs}
