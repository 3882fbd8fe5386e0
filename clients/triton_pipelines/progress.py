"""How far a long call has come, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncGenerator, Generator
from typing import Any

_EVERY = 0.2  # seconds between two looks on a terminal
_EVERY_LINE = 10.0  # and elsewhere, as in a log


class Progress:
    """`fill-mask: 640/1000, 12.5/s, 29 s left`: a line that changes on a terminal, now and then a line elsewhere.

    total: how many items there are, if that is known.
    """

    def __init__(self, name: str, total: int | None) -> None:
        self.name = name
        self.total = total
        self.done = 0
        self._terminal = sys.stderr.isatty()
        self._began = self._shown = time.monotonic()

    def over(self, results: Generator[Any, None, None]) -> Generator[Any, None, None]:
        """The results, counted as they are taken."""
        try:
            for result in results:
                self._count()
                yield result
        finally:
            results.close()
            self._show(last=True)

    async def aover(self, results: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        try:
            async for result in results:
                self._count()
                yield result
        finally:
            await results.aclose()
            self._show(last=True)

    def _count(self) -> None:
        self.done += 1
        if time.monotonic() - self._shown >= (_EVERY if self._terminal else _EVERY_LINE):
            self._show()

    def _show(self, last: bool = False) -> None:
        self._shown = time.monotonic()
        seconds = self._shown - self._began
        rate = self.done / seconds if seconds else 0.0
        parts = [f"{self.done}" if self.total is None else f"{self.done}/{self.total}", f"{rate:.3g}/s"]
        if last:
            parts.append(f"{seconds:.1f} s")
        elif self.total is not None and rate:
            parts.append(f"{(self.total - self.done) / rate:.0f} s left")
        start, end = ("\r", "\033[K" + "\n" * last) if self._terminal else ("", "\n")
        print(f"{start}{self.name}: {', '.join(parts)}", end=end, file=sys.stderr, flush=True)
