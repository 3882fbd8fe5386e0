"""Answers that come too late."""

from __future__ import annotations

from ..errors import DeadlineExceeded


def late(url: str, timeout: float | None) -> DeadlineExceeded:
    """timeout: the seconds that there were; None where the other side, such as a proxy, had a limit of its own."""
    within = "in time" if timeout is None else f"within {timeout:.3g} s"
    return DeadlineExceeded(f"{url} gave no answer {within}; raise request_timeout if it needs longer")
