"""How often, and for how long, a request is tried."""

from __future__ import annotations

import random
import time
from dataclasses import replace

from .errors import DeadlineExceeded, TritonPipelinesError, Unavailable, Unreachable
from .transport import Request

_FIRST = 0.25  # seconds to wait after the first failure; twice as long after each one that follows
_LONGEST = 8.0


class Attempts:
    """The attempts at one request: all within `timeout` seconds, and at most `retries` after the first.

    Only Unavailable is tried again: the server was full, a process of it died, or the connection was lost. Requests
    change nothing on the server, so that one which is sent again does no harm.

    reached: whether this server has answered before; one that never did is not waited for.
    """

    def __init__(self, retries: int, timeout: float | None, *, reached: bool) -> None:
        self._left = retries
        self._timeout = timeout
        self._end = None if timeout is None else time.monotonic() + timeout
        self._wait = _FIRST
        self._reached = reached

    def timed(self, request: Request) -> Request:
        """The request with the time that is left for it."""
        return request if self._end is None else replace(request, timeout=max(self._end - time.monotonic(), 0.001))

    def pause(self, error: TritonPipelinesError) -> float:
        """Seconds to wait before the next attempt; raises the error where there is none."""
        if not isinstance(error, Unavailable) or (isinstance(error, Unreachable) and not self._reached):
            raise error
        self._reached = True
        self._left -= 1
        if self._left < 0:
            raise error
        pause = self._wait * random.uniform(0.75, 1.25)  # so that many callers do not come back at once
        self._wait = min(self._wait * 2, _LONGEST)
        if self._end is not None and time.monotonic() + pause >= self._end:
            raise DeadlineExceeded(
                f"no answer within {self._timeout:g} s; the last attempt: {error.message}"
            ) from error
        return pause
