"""The page as an application, served until the process is told to end."""

from __future__ import annotations

from functools import cache

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from ..deployments import deployments
from ..factory import pipeline
from ..pipelines import Pipeline
from ..transport import Headers
from .page import CSS, page, theme

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self' data: blob:; worker-src 'self' blob:"
)
"""What a browser may fetch: from the page's own address alone."""


def serve(url: str, headers: Headers, host: str, port: int) -> None:
    """Ask the server what it serves, and serve a page for that."""

    @cache
    def open_(task: str, model: str) -> Pipeline:
        return pipeline(task, model, url, headers=headers)

    blocks = page(deployments(url, headers), open_, url).queue(default_concurrency_limit=16)
    app = FastAPI(openapi_url=None)
    app.middleware("http")(_policy)
    gr.mount_gradio_app(app, blocks, path="/", footer_links=[], theme=theme(), css=CSS, ssr_mode=False)
    print(f"http://{host}:{port} is a page for {url}; Ctrl+C ends it", flush=True)
    uvicorn.run(app, host=host, port=port, log_level="warning")


async def _policy(request: Request, call_next: RequestResponseEndpoint) -> Response:
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = POLICY
    return response
