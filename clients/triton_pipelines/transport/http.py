"""HTTP: the binary tensor protocol, and Triton's generate endpoints for decoupled models.

tritonclient's HTTP client is bound to gevent and not safe to use from plain threads, so urllib3, which is, carries the
messages.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import urllib3

from ..errors import InvalidInput, NotFound, TritonPipelinesError
from . import CONTROL_TIMEOUT, Description, Headers, Request, Tensors
from . import http_messages as messages
from .deadline import late
from .kept import Kept
from .stop import Stop

_CONNECTIONS = 32  # kept open; more may be in use at once
_NOT_CONNECTED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.SSLError,
)


class HttpTransport:
    """A pool of kept-alive connections to `url`, opened as calls need them, anew in each process."""

    def __init__(self, url: str, *, headers: Headers | None = None) -> None:
        self.url = url
        self._headers = dict(headers or {})
        self._pool = Kept(self._open)

    def _open(self) -> urllib3.PoolManager:
        return urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False)

    def _send(
        self,
        path: str,
        body: bytes | None = None,
        headers: Headers | None = None,
        *,
        timeout: float | None = CONTROL_TIMEOUT,
        statuses: Mapping[int, str | None] = messages.STATUS,
        preload: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        """GET without a body, POST with one; raises unless the answer is 200."""
        try:
            response = self._pool.get().request(
                "GET" if body is None else "POST",
                f"{self.url}/v2/{path}",
                body=body,
                headers={**self._headers, **(headers or {})},
                timeout=urllib3.Timeout(total=timeout),
                preload_content=preload,
            )
            if response.status != 200:
                raise messages.failure(response.status, response.data, self.url, statuses)
        except urllib3.exceptions.HTTPError as error:
            raise self._error(error, timeout) from error
        return response

    def _error(self, error: Exception, timeout: float | None) -> TritonPipelinesError:
        if isinstance(error, urllib3.exceptions.ReadTimeoutError):
            return late(self.url, timeout)
        if isinstance(error, _NOT_CONNECTED):
            return messages.unreachable(error, self.url)
        return messages.lost(error, self.url)

    def infer(self, request: Request, stop: Stop | None = None) -> Tensors:
        if request.decoupled:  # /infer refuses decoupled models
            answer = self._generate(request, "generate", preload=True)
            return messages.generate_tensors(answer.data, self.url)
        body, headers = messages.infer_body(request)
        response = self._send(messages.path(request.model, "infer"), body, headers, timeout=request.timeout)
        return messages.infer_tensors(response.data, response.headers)

    def stream(self, request: Request) -> Iterator[Tensors]:
        end = None if request.timeout is None else time.monotonic() + request.timeout
        response = self._generate(request, "generate_stream", preload=False)
        events = messages.Events()
        try:
            for chunk in response.stream(amt=None):
                if end is not None and time.monotonic() > end:  # urllib3 bounds the wait for each chunk alone
                    raise late(self.url, request.timeout)
                for event in events.feed(chunk):
                    yield messages.generate_tensors(event, self.url)
        except urllib3.exceptions.HTTPError as error:
            raise self._error(error, request.timeout) from error
        finally:
            response.close()  # what is left unread cannot be skipped: the connection is of no further use

    def _generate(self, request: Request, verb: str, *, preload: bool) -> urllib3.BaseHTTPResponse:
        return self._send(
            messages.path(request.model, verb),
            messages.generate_body(request),
            timeout=request.timeout,
            statuses=messages.GENERATE_STATUS,
            preload=preload,
        )

    def describe(self, model: str) -> Description:
        return messages.description(self._send(messages.path(model, "config")).data)

    def models(self) -> dict[str, bool]:
        return messages.index(self._send(*messages.INDEX).data)

    def ready(self, model: str | None = None) -> bool:
        try:
            self._send("health/ready" if model is None else messages.path(model, "ready"))
        except (InvalidInput, NotFound):  # Triton answers 400, a proxy perhaps 404
            return False
        return True

    def share(self, name: str, key: str, size: int) -> None:
        self._send(*messages.share(name, key, size))

    def unshare(self, name: str) -> None:
        self._send(*messages.unshare(name))

    def close(self) -> None:
        pool = self._pool.pop()
        if pool is not None:
            pool.clear()
