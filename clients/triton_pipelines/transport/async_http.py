"""HTTP in an event loop: as in http.py, carried by aiohttp, which tritonclient brings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from ..errors import TritonPipelinesError
from . import CONTROL_TIMEOUT, Description, Headers, Request, Tensors
from . import http_messages as messages
from .deadline import late
from .kept import Kept, is_closed


class AsyncHttpTransport:
    """A session of kept-alive connections to `url`, opened by the first call of each event loop."""

    def __init__(self, url: str, *, headers: Headers | None = None) -> None:
        self.url = url
        self._headers = dict(headers or {})
        self._session = Kept(self._open, asyncio.get_running_loop)

    def _open(self) -> aiohttp.ClientSession:
        self._session.drop(is_closed)
        # Callers bound what is under way.
        return aiohttp.ClientSession(headers=self._headers, connector=aiohttp.TCPConnector(limit=0))

    @asynccontextmanager
    async def _answer(
        self,
        path: str,
        body: bytes | None = None,
        headers: Headers | None = None,
        *,
        timeout: float | None = CONTROL_TIMEOUT,
        statuses: Mapping[int, str | None] = messages.STATUS,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a GET without a body, a POST with one; raises unless it is 200."""
        request = self._session.get().request(
            "GET" if body is None else "POST",
            f"{self.url}/v2/{path}",
            data=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout),
        )
        try:
            async with request as response:
                if response.status != 200:
                    raise messages.failure(response.status, await response.read(), self.url, statuses)
                yield response
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            raise self._error(error, timeout) from error

    async def _send(self, path: str, body: bytes | None = None) -> bytes:
        async with self._answer(path, body) as response:
            return await response.read()

    def _error(self, error: Exception, timeout: float | None) -> TritonPipelinesError:
        if isinstance(error, asyncio.TimeoutError):  # also those of aiohttp
            return late(self.url, timeout)
        if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.InvalidURL)):
            return messages.unreachable(error, self.url)
        return messages.lost(error, self.url)

    async def ainfer(self, request: Request) -> Tensors:
        if request.decoupled:  # /infer refuses decoupled models
            async with self._generate(request, "generate") as response:
                return messages.generate_tensors(await response.read(), self.url)
        body, headers = messages.infer_body(request)
        path = messages.path(request.model, "infer")
        async with self._answer(path, body, headers, timeout=request.timeout) as response:
            return messages.infer_tensors(await response.read(), response.headers)

    async def astream(self, request: Request) -> AsyncIterator[Tensors]:
        events = messages.Events()
        async with self._generate(request, "generate_stream") as response:
            async for chunk in response.content.iter_any():
                for event in events.feed(chunk):
                    yield messages.generate_tensors(event, self.url)

    def _generate(self, request: Request, verb: str):  # type: ignore[no-untyped-def]
        return self._answer(
            messages.path(request.model, verb),
            messages.generate_body(request),
            timeout=request.timeout,
            statuses=messages.GENERATE_STATUS,
        )

    async def adescribe(self, model: str) -> Description:
        return messages.description(await self._send(messages.path(model, "config")))

    async def amodels(self) -> dict[str, bool]:
        return messages.index(await self._send(*messages.INDEX))

    async def ashare(self, name: str, key: str, size: int) -> None:
        await self._send(*messages.share(name, key, size))

    async def aunshare(self, name: str) -> None:
        await self._send(*messages.unshare(name))

    async def aclose(self) -> None:
        session = self._session.pop()
        if session is not None:
            await session.close()
