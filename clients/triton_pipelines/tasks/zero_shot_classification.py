"""zero-shot-classification: which of the caller's labels fits a text.

    classify = pipeline("zero-shot-classification")
    classify("The screen is broken.", candidate_labels=["hardware", "software"])
    # {'sequence': 'The screen is broken.', 'labels': ['hardware', 'software'], 'scores': [0.97, 0.03]}
    classify(texts, "hardware, software", multi_label=True, hypothesis_template="This is about {}.")

From ZeroShotClassificationPipeline.
"""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput
from .base import Inputs, Row, Settings, Task, deprecated, given, scalars, split, text_list, text_tensor, texts

_UNSET: Any = object()
_NO_LABELS = "You must include at least one label and at least one sequence: candidate_labels=[...]"


class ZeroShotClassification(Task):
    name = "zero-shot-classification"
    inputs = ("TEXT", "CANDIDATE_LABELS")
    outputs = ("LABEL", "SCORE", "COUNT")
    batch_size = 8

    def items(self, sequences: Any, candidate_labels: Any = _UNSET, **parameters: Any) -> Inputs:
        if candidate_labels is not _UNSET:
            parameters["candidate_labels"] = candidate_labels
        return split(sequences, parameters)

    def parameters(
        self,
        *,
        candidate_labels: Any = None,
        hypothesis_template: str | None = None,
        multi_label: bool | None = None,
        multi_class: bool | None = None,
        **others: Any,
    ) -> Settings:
        if multi_class is not None:
            deprecated("multi_class", "multi_label")
            multi_label = multi_class
        sent = {**others, **given(hypothesis_template=hypothesis_template, multi_label=multi_label)}
        return Settings(scalars(sent), label_tensor(candidate_labels))

    def encode(self, item: Any, settings: Settings) -> Row:
        if "CANDIDATE_LABELS" not in settings.tensors or item == "":
            raise InvalidInput(_NO_LABELS)
        return {"TEXT": text_tensor([item], "the sequence")}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> dict[str, Any]:
        count = int(outputs["COUNT"][0])
        return {
            "sequence": item,
            "labels": texts(outputs["LABEL"][:count]),
            "scores": outputs["SCORE"][:count].tolist(),
        }


def label_tensor(labels: Any) -> Row:
    """CANDIDATE_LABELS [n] out of a list, or out of a string with commas between them; nothing for None."""
    if labels is None:
        return {}
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",") if label.strip()]
    listed = text_list(labels, "candidate_labels")
    if not listed:
        raise InvalidInput(_NO_LABELS)
    if "" in listed:
        raise InvalidInput("candidate_labels has an empty label: leave it out")
    return {"CANDIDATE_LABELS": text_tensor(listed, "candidate_labels")}
