"""gRPC in an event loop: as in grpc.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from . import CONTROL_TIMEOUT, Description, Headers, Request, Tensors
from . import grpc_messages as messages
from .kept import Kept, is_closed


class AsyncGrpcTransport:
    """One channel to `address`, opened by the first call of each event loop."""

    def __init__(self, address: str, *, secure: bool, headers: Headers | None = None) -> None:
        self.url = f"{'grpcs' if secure else 'grpc'}://{address}"
        self._address = address
        self._secure = secure
        self._metadata = messages.metadata(headers)
        self._channel = Kept(self._open, asyncio.get_running_loop)

    def _open(self) -> Any:
        self._channel.drop(is_closed)
        if self._secure:
            return grpc.aio.secure_channel(self._address, grpc.ssl_channel_credentials(), messages.OPTIONS)
        return grpc.aio.insecure_channel(self._address, messages.OPTIONS)

    def _call(self, method: str, message: Any, timeout: float | None = None) -> Any:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel.get())
        return getattr(stub, method)(message, timeout=timeout, metadata=self._metadata)

    async def _unary(self, method: str, message: Any, timeout: float | None = CONTROL_TIMEOUT) -> Any:
        try:
            return await self._call(method, message, timeout)
        except grpc.RpcError as error:
            raise messages.failure(error, self.url, timeout) from error

    async def ainfer(self, request: Request) -> Tensors:
        if request.decoupled:  # ModelInfer refuses decoupled models
            return messages.single(request.model, [each async for each in self.astream(request)])
        return messages.tensors(await self._unary("ModelInfer", messages.message(request), request.timeout))

    async def astream(self, request: Request) -> AsyncIterator[Tensors]:
        call = self._call("ModelStreamInfer", iter([messages.message(request)]), request.timeout)
        try:
            async for response in call:
                if (tensors := messages.streamed(response, self.url)) is not None:
                    yield tensors
        except grpc.RpcError as error:
            raise messages.failure(error, self.url, request.timeout) from error
        finally:
            call.cancel()

    async def adescribe(self, model: str) -> Description:
        return messages.description(await self._unary("ModelConfig", service_pb2.ModelConfigRequest(name=model)))

    async def amodels(self) -> dict[str, bool]:
        return messages.index(await self._unary("RepositoryIndex", messages.INDEX))

    async def ashare(self, name: str, key: str, size: int) -> None:
        await self._unary("SystemSharedMemoryRegister", messages.share(name, key, size))

    async def aunshare(self, name: str) -> None:
        await self._unary("SystemSharedMemoryUnregister", messages.unshare(name))

    async def aclose(self) -> None:
        channel = self._channel.pop()
        if channel is not None:
            await channel.close()
