"""A caller who has left, and what was under way for him."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """Set when a caller leaves: pauses end, and calls that can be cancelled are."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._cancels: list[Callable[[], object]] = []

    def set(self) -> None:
        with self._lock:
            self._event.set()
            cancels = list(self._cancels)
        for cancel in cancels:
            cancel()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether it is set before the time is over."""
        return self._event.wait(seconds)

    @contextmanager
    def cancels(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Call `cancel` when this is set meanwhile."""
        with self._lock:
            self._cancels.append(cancel)
        try:
            if self.is_set():
                cancel()
            yield
        finally:
            with self._lock:
                self._cancels.remove(cancel)
