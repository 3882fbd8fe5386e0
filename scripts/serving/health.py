"""Health over HTTP: GET anything gives 200 when every deployment answers, else 503, and says as JSON which do not.

For load balancers, which cannot run probe.py: Triton's own /v2/health/ready stays 200 when the Python process of a
model has died.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serve_health(host: str, port: int, troubles: Callable[[], dict[str, str]]) -> Iterator[str]:
    """Answer at a port (0: a free one) until the context ends; gives the URL.

    troubles: the deployments that do not answer, with the reasons.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            found = troubles()
            body = json.dumps({"healthy": not found, "troubles": found}).encode()
            self.send_response(503 if found else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: probes come every few seconds."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{server.server_port}/health"
    finally:
        server.shutdown()
        server.server_close()
