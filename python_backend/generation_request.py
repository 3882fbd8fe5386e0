"""One request on its way through generation: its prompt, settings and bounds, and the tokens it has got so far.

Engines (continuous_batching, static_batching) hand it tokens; it knows when a sequence ends and when time is up, and
tells its listener.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from python_backend.sequences import ends_of
from python_backend.streaming import Cancelled, Unavailable

if TYPE_CHECKING:
    from transformers.generation import GenerationConfig

    from python_backend.detokenization import StopStrings

CHECK_INTERVAL = 0.25
"""Seconds between two looks of an engine at the clock and at who went away."""


class Listener(Protocol):
    """Who made the request. Called from the engine's thread, one call at a time; the last is `finished` or `failed`."""

    def progressed(self, request: GenerationRequest) -> None: ...

    def finished(self, request: GenerationRequest) -> None: ...

    def failed(self, error: Exception) -> None: ...

    def cancelled(self) -> bool: ...


class GenerationRequest:
    """One prompt, and as many sequences as are wanted of it.

    Args:
        prompt: token ids, at least one.
        config: with max_new_tokens set.
        seed: of its samples.
        seconds: from now until it ends with what there is.
        stop: strings that end a sequence.
        features: what else the model is given with the prompt, of its images: [images, ...], [1, ...] or [1, tokens,
            ...] each.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        config: GenerationConfig,
        listener: Listener,
        *,
        seed: int,
        seconds: float,
        stop: StopStrings | None = None,
        features: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.prompt = list(prompt)
        self.config = config
        self.listener = listener
        self.seed = seed
        self.deadline = time.monotonic() + seconds
        self.stop = stop
        self.features = features or {}
        self.sequences: list[list[int]] = [[] for _ in range(config.num_return_sequences)]
        """Generated token ids of each sequence."""
        self.running = set(range(len(self.sequences)))
        """Sequences that go on."""
        self.closed = False
        """The listener has had its last call."""
        self.eos = ends_of(config)

    def take(self, index: int, tokens: Sequence[int]) -> bool:
        """More tokens of a sequence; those behind its end are ignored. Whether the sequence goes on."""
        sequence = self.sequences[index]
        for token in tokens:
            if index not in self.running:
                break
            sequence.append(token)
            if self.ends(sequence):
                self.running.discard(index)
        return index in self.running

    def ends(self, sequence: Sequence[int]) -> bool:
        """Whether the last of these generated tokens is the sequence's last."""
        return (
            len(sequence) >= self.config.max_new_tokens
            or sequence[-1] in self.eos
            or (self.stop is not None and self.stop.completed_by_last([*self.prompt, *sequence]))
        )

    def report(self) -> None:
        """Tell the listener what came since the last report."""
        if self.closed:
            return
        if self.running:
            self.listener.progressed(self)
        else:
            self.finish()

    def finish(self) -> None:
        if not self.closed:
            self.closed = True
            self.running.clear()
            self.listener.finished(self)

    def fail(self, error: Exception) -> None:
        if not self.closed:
            self.closed = True
            self.running.clear()
            self.listener.failed(error)

    @property
    def longest(self) -> int:
        """How many tokens a sequence may come to, its prompt's included."""
        return len(self.prompt) + int(self.config.max_new_tokens)

    @property
    def expired(self) -> bool:
        return time.monotonic() > self.deadline

    def check(self) -> bool:
        """End the request if its caller is gone or its time is up. Whether it goes on."""
        if self.check_caller() and self.expired:
            if any(self.sequences):
                self.finish()
            else:
                self.fail(Unavailable("The request's time was up before its first token; try again later."))
        return not self.closed

    def check_caller(self) -> bool:
        """End the request if its caller is gone. Whether it goes on."""
        if not self.closed and self.listener.cancelled():
            self.fail(Cancelled("The request was cancelled."))
        return not self.closed
