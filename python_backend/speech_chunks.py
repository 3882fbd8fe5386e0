"""Long audio in rows that overlap, as the pipeline's `preprocess` and `chunk_iter` cut it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from python_backend.parameters import Float, InvalidInput

CHUNKING = (
    Float("chunk_length_s", default=0.0, minimum=0, doc="Seconds of one forward row; 0: the whole audio is one."),
    Float("stride_length_s", minimum=0, doc="Seconds by which rows overlap on each side. Default: chunk_length_s / 6."),
    Float("stride_length_s_left", minimum=0, doc="Overlap on the left side alone."),
    Float("stride_length_s_right", minimum=0, doc="Overlap on the right side alone."),
)


class Chunk(NamedTuple):
    """The samples of one forward row."""

    samples: np.ndarray
    left: int = 0
    """How many of them are context, which the row before knows better."""
    right: int = 0
    """How many of them are context, which the row after knows better."""


class Cut(NamedTuple):
    """How long rows are, in samples."""

    length: int
    left: int
    right: int

    @property
    def step(self) -> int:
        """From the start of one row to that of the next."""
        return self.length - self.left - self.right

    def __call__(self, samples: np.ndarray) -> Iterator[Chunk]:
        """The rows of one audio."""
        for start in range(0, len(samples), self.step):
            last = start + self.length >= len(samples)
            chunk = samples[start : start + self.length]
            yield Chunk(chunk, self.left if start else 0, 0 if last else self.right)
            if last:
                return


def cut(parameters: dict[str, Any], sampling_rate: int, align_to: int) -> Cut | None:
    """How to cut, by the CHUNKING parameters; None: not at all. All lengths are multiples of `align_to` samples.

    Raises InvalidInput for overlaps that leave nothing of a row.
    """
    length = parameters["chunk_length_s"]
    if not length:
        return None
    both = parameters["stride_length_s"]
    default = length / 6 if both is None else both
    left, right = (
        default if one is None else one for one in (parameters[f"stride_length_s_{side}"] for side in ("left", "right"))
    )
    result = Cut(*(round(seconds * sampling_rate / align_to) * align_to for seconds in (length, left, right)))
    if result.step <= 0:
        raise InvalidInput(
            f"chunk_length_s must be longer than the strides on both sides together: it is {length:g} s, they are "
            f"{left:g} and {right:g}. Send a smaller stride_length_s."
        )
    return result
