"""text-classification, also called sentiment-analysis.

    classify = pipeline("text-classification")
    classify("I love it")                                        # [{'label': 'POSITIVE', 'score': 0.99}]
    classify(["I love it", "I hate it"], top_k=None)             # a list of all labels, best first, for each text
    classify({"text": "It rains", "text_pair": "It is wet"})     # {'label': ..., 'score': ...}

From TextClassificationPipeline, its oddities included: a single string gives a list, unless `top_k` is given in the
call, which gives a list of its own. Difference: `return_all_scores=True` gives the labels best first too.
"""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput
from .base import Inputs, Row, Settings, Shape, Task, choice, deprecated, given, labelled, scalars, split, text_tensor

_UNSET = ""  # as in transformers: None is a value of top_k, and means all labels


class TextClassification(Task):
    name = "text-classification"
    inputs = ("TEXT",)
    outputs = ("LABEL", "SCORE")

    def items(self, inputs: Any, **parameters: Any) -> Inputs:
        if isinstance(inputs, str) and "top_k" not in parameters:
            return Inputs([inputs], Shape.LIST, parameters)
        return split(inputs, parameters)

    def parameters(
        self,
        *,
        top_k: int | str | None = _UNSET,
        return_all_scores: bool | None = None,
        function_to_apply: Any = None,
        padding: Any = None,  # of no effect on results: the server pads as it batches
        **tokenizer: Any,
    ) -> Settings:
        sent = {**tokenizer, **given(function_to_apply=choice(function_to_apply))}
        options = {}
        if top_k != _UNSET:
            sent["top_k"] = top_k
            options["as_list"] = True
        elif return_all_scores is not None:
            deprecated("return_all_scores", "top_k=None for all labels, top_k=1 for the best one")
            sent["top_k"] = None if return_all_scores else 1
            options["as_list"] = return_all_scores
        return Settings(scalars(sent), options=options)

    def encode(self, item: Any, settings: Settings) -> Row:
        if isinstance(item, dict):
            if not {"text"} <= set(item) <= {"text", "text_pair"}:
                raise InvalidInput(f'a dict must have the keys "text" and, for a pair, "text_pair", not {list(item)}')
            text, pair = item["text"], item.get("text_pair")
        elif _is_nested_pair(item):
            text, pair = item[0]
        elif isinstance(item, (list, tuple)):
            raise InvalidInput('a list is not one text; send a pair as {"text": "My text", "text_pair": "My pair"}')
        else:
            text, pair = item, None
        row = {"TEXT": text_tensor([text], "the text")}
        if pair is not None:
            row["TEXT_PAIR"] = text_tensor([pair], "the text pair")
        return row

    def decode(self, item: Any, outputs: Row, settings: Settings) -> dict[str, Any] | list[dict[str, Any]]:
        labels = labelled(outputs)
        return labels if settings.options.get("as_list") else labels[0]


def _is_nested_pair(item: Any) -> bool:
    """[[text, pair]]: an old spelling of a pair that transformers still takes."""
    return isinstance(item, list) and len(item) == 1 and isinstance(item[0], list) and len(item[0]) == 2
