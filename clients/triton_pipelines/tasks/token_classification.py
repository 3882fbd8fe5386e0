"""token-classification, also called ner.

    tag = pipeline("token-classification", aggregation_strategy="simple")
    tag("Ada lives in London")
    # [{'entity_group': 'PER', 'score': 0.99, 'word': 'Ada', 'start': 0, 'end': 3}, ...]
    tag("Ada lives in London", aggregation_strategy="none", ignore_labels=[])
    # [{'entity': 'B-PER', 'score': 0.99, 'index': 1, 'word': 'Ada', 'start': 0, 'end': 3}, ...]

From TokenClassificationPipeline. Difference: scores are Python floats.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import InvalidInput
from .base import (
    Inputs,
    Row,
    Settings,
    Task,
    choice,
    deprecated,
    given,
    refuse,
    scalars,
    split,
    text_list,
    text_tensor,
    texts,
)


class TokenClassification(Task):
    name = "token-classification"
    inputs = ("TEXT",)
    outputs = ("ENTITY", "SCORE", "INDEX", "WORD", "START", "END", "COUNT")

    def items(self, inputs: Any, **parameters: Any) -> Inputs:
        if inputs is None or (isinstance(inputs, (list, tuple)) and not inputs):
            raise InvalidInput("At least one input is required.")
        return split(inputs, parameters)

    def parameters(
        self,
        *,
        aggregation_strategy: Any = None,
        ignore_labels: Iterable[str] | None = None,
        stride: int | None = None,
        grouped_entities: bool | None = None,
        ignore_subwords: bool | None = None,
        offset_mapping: Any = None,
        **others: Any,
    ) -> Settings:
        refuse(offset_mapping=(offset_mapping, "the server takes the offsets of its own tokenizer"))
        if grouped_entities is not None or ignore_subwords is not None:
            aggregation_strategy = ("first" if ignore_subwords else "simple") if grouped_entities else "none"
            deprecated("grouped_entities / ignore_subwords", f'aggregation_strategy="{aggregation_strategy}"')
        sent = {**others, **given(aggregation_strategy=choice(aggregation_strategy), stride=stride)}
        if ignore_labels is None:
            return Settings(scalars(sent))
        # No label is empty, so an empty one stands for "ignore nothing": a tensor needs an element.
        labels = text_tensor(text_list(ignore_labels, "ignore_labels") or [""], "ignore_labels")
        return Settings(scalars(sent), {"IGNORE_LABELS": labels})

    def encode(self, item: Any, settings: Settings) -> Row:
        return {"TEXT": text_tensor([item], "the text")}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        count = int(outputs["COUNT"][0])
        columns = (
            texts(outputs["ENTITY"][:count]),
            *(outputs[name][:count].tolist() for name in ("SCORE", "INDEX")),
            texts(outputs["WORD"][:count]),
            *(outputs[name][:count].tolist() for name in ("START", "END")),
        )
        return [_entity(*values) for values in zip(*columns, strict=True)]


def _entity(entity: str, score: float, index: int, word: str, start: int, end: int) -> dict[str, Any]:
    """An entity as the pipeline has it: one token with its index, or a group, which has none. -1 stands for None."""
    place = {"word": word, "start": None if start < 0 else start, "end": None if end < 0 else end}
    if index < 0:
        return {"entity_group": entity, "score": score, **place}
    return {"entity": entity, "score": score, "index": index, **place}
