"""CANDIDATE_LABELS: labels of the caller's own, with limits, and the sentences that they are put into."""

from __future__ import annotations

import string

import numpy as np

from python_backend import text
from python_backend.parameters import InvalidInput


def candidate_labels(row: np.ndarray) -> np.ndarray:
    """The labels in a row of CANDIDATE_LABELS: empty strings are padding."""
    return row[row != b""]


def read(row: np.ndarray, max_labels: int, max_bytes: int) -> list[str]:
    """The labels of a row. InvalidInput for more than `max_labels`, or one that is too long or not UTF-8."""
    given = candidate_labels(row)
    if len(given) > max_labels:
        raise InvalidInput(
            f"CANDIDATE_LABELS has {len(given):,} labels; this deployment takes {max_labels:,} (max_candidate_labels)."
        )
    return text.read(given, "CANDIDATE_LABELS", max_bytes)


def sentences(template: str, labels: list[str], max_bytes: int) -> list[str]:
    """The template with each label in its place. InvalidInput when all together have more than `max_bytes`."""
    size = len(template) * len(labels) + count_places(template) * sum(map(len, labels))
    if size > max_bytes:
        raise InvalidInput(
            f"The sentences of the labels have {size:,} characters; this deployment takes {max_bytes:,} "
            "(max_text_bytes). Send fewer or shorter labels."
        )
    return [template.format(label) for label in labels]


def count_places(template: str) -> int:
    """How often a template names the label. InvalidInput when nowhere, or with more than a bare {}: str.format would
    pad a label to a gigabyte."""
    try:
        fields = [(name, form) for _, name, form, _ in string.Formatter().parse(template) if name is not None]
        if fields and all(name in ("", "0") and not form for name, form in fields):
            template.format("label")
            return len(fields)
    except (ValueError, IndexError):
        pass
    raise InvalidInput(
        f'The provided hypothesis_template "{template[:200]}" was not able to be formatted with the target labels. '
        "Make sure the passed template includes {} where the label should go, once."
    )
