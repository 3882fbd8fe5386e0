"""CANDIDATE_LABELS: labels of the caller's own, with limits, the sentences that they are put into, and their tokens."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import numpy as np

from python_backend import text
from python_backend.batching import pad
from python_backend.checkpoint import read_json
from python_backend.parameters import InvalidInput
from python_backend.stage import Tensors


def candidate_labels(row: np.ndarray) -> np.ndarray:
    """The labels in a row of CANDIDATE_LABELS: empty strings are padding."""
    return row[row != b""]


def read(row: np.ndarray, max_labels: int, max_bytes: int) -> list[str]:
    """The labels of a row. InvalidInput for more than `max_labels`, for more than `max_bytes` in all of them together,
    and for one that is not UTF-8."""
    given = candidate_labels(row)
    if len(given) > max_labels:
        raise InvalidInput(
            f"CANDIDATE_LABELS has {len(given):,} labels; this deployment takes {max_labels:,} (max_candidate_labels)."
        )
    if (size := sum(map(len, given))) > max_bytes:
        raise InvalidInput(
            f"CANDIDATE_LABELS has {size:,} bytes in a row; this deployment takes {max_bytes:,} (max_text_bytes). Send "
            "fewer or shorter labels."
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


SIGLIP_TOKENS = 64
"""Of a text, where the configuration does not say."""


class LabelTokenizer(text.Tokenizer):
    """Texts of labels to tokens, for models that encode them beside an image or an audio."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        config = read_json(folder, "config.json")
        words = config.get("text_config") or {}
        siglip = config.get("model_type") == "siglip"
        if siglip:  # a config.json leaves out what is the default
            words = {"max_position_embeddings": SIGLIP_TOKENS, **words}
        self.max_tokens = min(self.max_tokens, text.max_tokens(words, {}))
        self.padding = self.token_id("pad_token") or 0
        # The pipeline fills up SigLIP's texts to their full length. Most of their tokenizers make no mask.
        self.full_length = self.max_tokens if siglip else 0
        self.masks = "attention_mask" in self.config.get("model_input_names", ())

    def labels(self, rows: list[list[str]], parameters: dict[str, Any]) -> Tensors:
        """Of the texts of each row: input_ids [batch, labels, length] INT64, and text_lengths [batch, labels] INT32,
        the tokens that the model attends to: 0 behind a row's last text.

        InvalidInput for a row without labels, or a text with more tokens than the model takes.
        """
        if not all(rows):
            raise InvalidInput("You must include at least one label: CANDIDATE_LABELS is empty.")
        parameters = {"truncation": "false", "max_length": None, **parameters}
        (encodings,) = self.encode([([one for row in rows for one in row], parameters)])
        each = iter([np.array(encoding.ids) for encoding in encodings])
        ids = [pad([next(each) for _ in row], self.padding) for row in rows]
        counts = np.cumsum([len(row) for row in rows])[:-1]
        lengths = np.split(np.array([len(encoding) for encoding in encodings]), counts)
        if self.full_length:
            full = self.full_length
            ids = [np.pad(row, ((0, 0), (0, full - row.shape[1])), constant_values=self.padding) for row in ids]
            lengths = lengths if self.masks else [np.full(len(row), full) for row in ids]
        return {"input_ids": pad(ids, self.padding), "text_lengths": pad(lengths)}
