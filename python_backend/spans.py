"""Logits of where an answer starts and ends to the likeliest spans of tokens: what question answering shares."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tokenizers
from numpy.lib.stride_tricks import sliding_window_view


def numbers(values: list[int | None]) -> np.ndarray:
    """[n] INT32, -1 for None."""
    return np.array([-1 if value is None else value for value in values], np.int32)


def outside(encoding: tokenizers.Encoding, context: int, no_answer: int | None) -> np.ndarray:
    """[length] true where no answer may start or end (the pipelines' `p_mask`): in no token but those of the context,
    which is text number `context` of the pair, and the token that some models use for "no answer"."""
    return (numbers(encoding.sequence_ids) != context) & (np.array(encoding.ids) != no_answer)


class Span(NamedTuple):
    """Tokens from the first to the last, both included."""

    start: int
    end: int
    score: float


def probabilities(logits: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Softmax [length] of logits [length] over the tokens that are allowed [length]; zero for the others."""
    best = logits.max(where=allowed, initial=-np.inf)
    exponents = np.exp(np.where(allowed, logits - best, -np.inf))
    return exponents / max(exponents.sum(), 1)


def best_spans(
    start_logits: np.ndarray, end_logits: np.ndarray, allowed: np.ndarray, top_k: int, max_answer_len: int
) -> tuple[list[Span], float]:
    """The likeliest answers in one row of tokens, best first, and the score of there being none (`select_starts_ends`).

    Args:
        start_logits, end_logits, allowed: [length] each; `allowed` says which tokens may start or end an answer.
        max_answer_len: in tokens.

    Returns:
        Up to `top_k` spans with a score above zero. The pipeline fills up with others, in no order that is determined.
    """
    start, end = probabilities(start_logits, allowed), probabilities(end_logits, allowed)
    null_score = float(start[0] * end[0])
    start[0] = end[0] = 0  # the token that stands for "no answer"
    longest = min(max_answer_len, len(end))
    ends = sliding_window_view(np.append(end, np.zeros(longest - 1, end.dtype)), longest)
    scores = (start[:, None] * ends).ravel()  # of the span of each start and length
    least = np.partition(scores, -top_k)[-top_k] if top_k < len(scores) else 0
    best = np.flatnonzero((scores >= least) & (scores > 0))
    best = best[np.argsort(-scores[best], kind="stable")][:top_k]
    starts, more = np.divmod(best, longest)
    spans = zip(starts.tolist(), (starts + more).tolist(), scores[best].tolist(), strict=True)
    return [Span(*span) for span in spans], null_score
