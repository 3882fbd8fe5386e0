"""Generated token ids: where a sequence ends, and many of them in one array. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from python_backend.batching import pad
from python_backend.parameters import InvalidInput

if TYPE_CHECKING:
    from transformers.generation import GenerationConfig

NO_TOKEN = -1
"""Behind the tokens of a shorter row."""


def ends_of(config: GenerationConfig) -> set[int]:
    """The tokens that end a sequence."""
    ends = config.eos_token_id
    return set(ends if isinstance(ends, list) else () if ends is None else (ends,))


def until_end(sequence: list[int], first: int, ends: set[int]) -> list[int]:
    """The sequence up to the first end behind its `first` tokens, which may be the same one; a batch fills it up."""
    return sequence[: next((at + 1 for at in range(first, len(sequence)) if sequence[at] in ends), len(sequence))]


def padded(rows: Sequence[list[list[int]] | InvalidInput]) -> np.ndarray | InvalidInput:
    """The sequences of each row of a request as one array [batch, sequences, length] INT32, padded with NO_TOKEN; or
    the request's first failure."""
    sequences: list[list[list[int]]] = []
    for row in rows:
        if isinstance(row, InvalidInput):
            return row
        sequences.append(row)
    arrays = [pad([np.array(ids, np.int32) for ids in row], fill=NO_TOKEN) for row in sequences]
    return pad(arrays, fill=NO_TOKEN)
