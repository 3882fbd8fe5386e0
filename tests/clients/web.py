"""A web server for tests, on a free port of the loopback address."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

Respond = Callable[[BaseHTTPRequestHandler, bytes], None]


class Web:
    """Serves `pages` by path; a function as a page writes its own response."""

    def __init__(self, pages: Mapping[str, bytes | Respond]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                page = pages.get(self.path)
                if callable(page):
                    page(self, body)
                elif page is None:
                    respond(self, 404, b'{"error": "no such page"}')
                else:
                    respond(self, 200, page)

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *arguments: None  # type: ignore[method-assign]  # clients may hang up
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Web:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def slow(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """A page that takes half a second."""
    time.sleep(0.5)
    respond(handler, 200, b"{}")


def respond(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
