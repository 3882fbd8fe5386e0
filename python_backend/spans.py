"""Logits of where an answer starts and ends to the likeliest spans of tokens: what question answering shares."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Span(NamedTuple):
    """Tokens from the first to the last, both included."""

    start: int
    end: int
    score: float


def probabilities(logits: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Softmax [length] of logits [length] over the tokens that are allowed [length] to be part of an answer."""
    masked = np.where(allowed, logits, np.float32(-10_000))
    exponents = np.exp(masked - masked.max())
    return exponents / exponents.sum()


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
    scores = span_scores(start, end, max_answer_len)
    flat = scores.ravel()
    if top_k == 1:
        best = np.array([flat.argmax()])
    elif len(flat) <= top_k:
        best = np.argsort(-flat)
    else:
        best = np.argpartition(-flat, top_k)[:top_k]
        best = best[np.argsort(-flat[best])]
    starts, ends = np.unravel_index(best, scores.shape)
    real = allowed[starts] & allowed[ends] & (flat[best] > 0)
    chosen = zip(starts[real].tolist(), ends[real].tolist(), flat[best[real]].tolist(), strict=True)
    return [Span(*span) for span in chosen], null_score


def span_scores(start: np.ndarray, end: np.ndarray, max_answer_len: int) -> np.ndarray:
    """[length, length] start times end probability of each span; 0 where it ends before it starts or is too long."""
    length = len(start)
    scores = np.zeros((length, length), start.dtype)
    for more in range(min(max_answer_len, length)):  # the diagonal of spans of 1 + more tokens
        scores.ravel()[more : (length - more) * length : length + 1] = start[: length - more] * end[more:]
    return scores
