"""Bytes out of paths and URLs, on the client's side: the server opens neither."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

from .errors import InvalidInput


def is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def is_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except (OSError, ValueError):  # too long for a path, or with a zero byte: base64, say
        return False


def fetch(url: str, timeout: float | None) -> bytes:
    """What an http(s) URL holds. timeout: seconds, None waits for ever."""
    request = urllib.request.Request(url, headers={"User-Agent": "triton-pipelines"})
    waits: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
    try:
        with urllib.request.urlopen(request, **waits) as response:
            return bytes(response.read())
    except (OSError, ValueError) as error:  # URLError and timeouts are OSErrors
        raise InvalidInput(f"cannot read {url}: {error}") from error


def read_file(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read the file {str(path)!r}: {error}") from error
