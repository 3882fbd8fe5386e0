"""Bytes out of paths and URLs, on the client's side: the server opens neither."""

from __future__ import annotations

import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote, urlsplit

from .errors import InvalidInput


def is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def is_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except (OSError, ValueError):  # too long for a path, or with a zero byte: base64, say
        return False


def read(source: str | Path, timeout: float | None = None) -> bytes:
    """What a path or an http(s) URL holds. timeout: seconds for a URL; None waits for ever."""
    if isinstance(source, str) and is_url(source):
        return fetch(source, timeout)
    return read_file(source)


def fetch(url: str, timeout: float | None) -> bytes:
    """What an http(s) URL holds. timeout: seconds; None waits for ever."""
    try:
        request = urllib.request.Request(_quoted(url), headers={"User-Agent": "triton-pipelines"})
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return bytes(response.read())
    except (OSError, ValueError, HTTPException) as error:  # URLError and timeouts are OSErrors
        raise InvalidInput(f"cannot read {url}: {error}") from error


def read_file(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read the file {str(path)!r}: {error}") from error


def _quoted(url: str) -> str:
    """The URL with what must be escaped in it, such as spaces, escaped; what is escaped stays."""
    parts = urlsplit(url)
    safe = "!$%&'()*+,/:;=?@[]~"
    return parts._replace(path=quote(parts.path, safe), query=quote(parts.query, safe), fragment="").geturl()
