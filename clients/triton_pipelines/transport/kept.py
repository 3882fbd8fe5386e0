"""Connections that are made when they are first needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """One T for each owner: each process, as sockets and channels are of no use after a fork; or each event loop.

    No lock, for a fork may come while another thread holds it. What two threads make at the same time is one too many,
    and dropped unused.
    """

    def __init__(self, make: Callable[[], T], owner: Callable[[], Hashable] = os.getpid) -> None:
        self._make = make
        self._owner = owner
        self._of: dict[Hashable, T] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_of": {}}  # connections do not travel to other processes

    def get(self) -> T:
        owner = self._owner()
        found = self._of.get(owner)
        return self._of.setdefault(owner, self._make()) if found is None else found

    def pop(self) -> T | None:
        """Take out the owner's; the next get() makes another."""
        return self._of.pop(self._owner(), None)

    def drop(self, ended: Callable[[Any], bool]) -> None:
        """Forget those of owners that have ended."""
        for owner in [owner for owner in list(self._of) if ended(owner)]:
            self._of.pop(owner, None)


def is_closed(loop: Any) -> bool:
    """Whether an event loop has ended."""
    return bool(loop.is_closed())
