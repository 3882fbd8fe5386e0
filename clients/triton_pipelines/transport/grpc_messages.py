"""Requests, answers and errors as the messages of Triton's gRPC protocol, which tritonclient ships."""

from __future__ import annotations

from typing import Any

import grpc
from tritonclient.grpc import InferResult, service_pb2
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from ..errors import InvalidInput, ServerError, TritonPipelinesError, Unreachable
from . import Array, Description, Headers, Request, Scalar, Tensors
from .deadline import late
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
OPTIONS = [
    # Images and audio go beyond gRPC's default of 4 MB; the server's own limits hold.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A server that starts again is found soon; by default a channel waits up to two minutes before it looks.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Channels to one address share a connection otherwise, and with it what is going on in it.
    ("grpc.use_local_subchannel_pool", 1),
    # A name that stands for several servers: requests go to them in turn.
    ("grpc.lb_policy_name", "round_robin"),
]
UNREACHED = ("failed to connect", "resolution failed", "backends failing")
"""What gRPC says where no server was there to refuse anything."""
INDEX = service_pb2.RepositoryIndexRequest()


def metadata(headers: Headers | None) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in (headers or {}).items())


def failure(error: Any, url: str, timeout: float | None = None) -> TritonPipelinesError:
    """What an RpcError means."""
    status, message = _STATUS.get(error.code(), "UNKNOWN"), str(error.details())
    if status == "DEADLINE_EXCEEDED":
        return late(url, timeout)
    if status == "UNAVAILABLE" and any(said in message.lower() for said in UNREACHED):
        hint = "is the server up, and is this its gRPC port? For the HTTP port write http://host:port"
        return Unreachable(f"{url}: {message}; {hint}")
    return refusal(status, message, url)


def message(request: Request) -> Any:
    sent = service_pb2.ModelInferRequest(model_name=request.model)
    for name, value in request.parameters.items():
        _set(sent.parameters[name], name, value)
    if request.timeout is not None:  # what waits longer in a queue is not started
        sent.parameters["timeout"].int64_param = int(request.timeout * 1e6)
    for name, array in request.tensors.items():
        tensor = sent.inputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
        if name not in request.regions:
            sent.raw_input_contents.append(_bytes(array))
            continue
        region = request.regions[name]
        tensor.parameters["shared_memory_region"].string_param = region.name
        tensor.parameters["shared_memory_byte_size"].int64_param = region.size
        tensor.parameters["shared_memory_offset"].int64_param = region.offset
    return sent


def tensors(response: Any) -> Tensors:
    result = InferResult(response)
    return {output.name: result.as_numpy(output.name) for output in response.outputs}


def streamed(response: Any, url: str) -> Tensors | None:
    """The tensors of one response of a stream; None where it only ends it."""
    if response.error_message:
        raise refusal(None, response.error_message, url)
    return tensors(response.infer_response) if response.infer_response.outputs else None


def description(response: Any) -> Description:
    config = response.config
    return Description(
        tuple(tensor.name for tensor in config.input),
        tuple(tensor.name for tensor in config.output),
        config.max_batch_size,
    )


def index(response: Any) -> dict[str, bool]:
    return {model.name: model.state == "READY" for model in response.models}


def share(name: str, key: str, size: int) -> Any:
    return service_pb2.SystemSharedMemoryRegisterRequest(name=name, key=key, byte_size=size)


def unshare(name: str) -> Any:
    return service_pb2.SystemSharedMemoryUnregisterRequest(name=name)


def single(model: str, received: list[Tensors]) -> Tensors:
    """The only response of a stream."""
    if len(received) != 1:
        raise ServerError(f"{model} gave {len(received)} responses where one was expected")
    return received[0]


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
    if array.dtype != object:
        return array.tobytes()
    return bytes(serialize_byte_tensor(array).item()) if array.size else b""
