"""gRPC: unary calls, and one stream a request for decoupled models.

Built on the protocol messages that tritonclient ships rather than on its client class: that one has a single stream,
and its channels, shared under the hood, do not survive a fork.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import Any

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from . import CONTROL_TIMEOUT, Description, Headers, Request, Tensors
from . import grpc_messages as messages
from .kept import Kept
from .stop import Stop


class GrpcTransport:
    """One channel to `address`, opened by the first call of each process."""

    def __init__(self, address: str, *, secure: bool, headers: Headers | None = None) -> None:
        self.url = f"{'grpcs' if secure else 'grpc'}://{address}"
        self._address = address
        self._secure = secure
        self._metadata = messages.metadata(headers)
        self._channel = Kept(self._open)

    def _open(self) -> Any:
        if self._secure:
            return grpc.secure_channel(self._address, grpc.ssl_channel_credentials(), messages.OPTIONS)
        return grpc.insecure_channel(self._address, messages.OPTIONS)

    def _call(self, method: str, message: Any, timeout: float | None = None) -> Any:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel.get())
        return getattr(stub, method)(message, timeout=timeout, metadata=self._metadata)

    def _unary(self, method: str, message: Any, timeout: float | None = CONTROL_TIMEOUT) -> Any:
        try:
            return self._call(method, message, timeout)
        except grpc.RpcError as error:
            raise messages.failure(error, self.url, timeout) from error

    def infer(self, request: Request, stop: Stop | None = None) -> Tensors:
        if request.decoupled:  # ModelInfer refuses decoupled models
            return messages.single(request.model, list(self.stream(request, stop)))
        if stop is None:
            return messages.tensors(self._unary("ModelInfer", messages.message(request), request.timeout))
        # A call that can be cancelled takes 0.1 ms more.
        stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel.get())
        call = stub.ModelInfer.future(messages.message(request), timeout=request.timeout, metadata=self._metadata)
        try:
            with stop.cancels(call.cancel):
                return messages.tensors(call.result())
        except grpc.RpcError as error:
            raise messages.failure(error, self.url, request.timeout) from error
        except grpc.FutureCancelledError as error:
            raise CancelledError from error

    def stream(self, request: Request, stop: Stop | None = None) -> Iterator[Tensors]:
        # Not with the header triton_grpc_error, which would give failures a status: with it, a failing request may
        # bring the whole server down (seen with 2.51, within tens of requests).
        call = self._call("ModelStreamInfer", iter([messages.message(request)]), request.timeout)
        try:
            with (stop or Stop()).cancels(call.cancel):
                for response in call:
                    if (tensors := messages.streamed(response, self.url)) is not None:
                        yield tensors
        except grpc.RpcError as error:
            raise messages.failure(error, self.url, request.timeout) from error
        finally:
            call.cancel()

    def describe(self, model: str) -> Description:
        return messages.description(self._unary("ModelConfig", service_pb2.ModelConfigRequest(name=model)))

    def models(self) -> dict[str, bool]:
        return messages.index(self._unary("RepositoryIndex", messages.INDEX))

    def ready(self, model: str | None = None) -> bool:
        if model is None:
            return bool(self._unary("ServerReady", service_pb2.ServerReadyRequest()).ready)
        return bool(self._unary("ModelReady", service_pb2.ModelReadyRequest(name=model)).ready)

    def share(self, name: str, key: str, size: int) -> None:
        self._unary("SystemSharedMemoryRegister", messages.share(name, key, size))

    def unshare(self, name: str) -> None:
        self._unary("SystemSharedMemoryUnregister", messages.unshare(name))

    def close(self) -> None:
        channel = self._channel.pop()
        if channel is not None:
            channel.close()
