"""question-answering: find the answer to a question in a text.

    answer = pipeline("question-answering")
    answer(question="Where do I live?", context="I live in Berlin.")
    # {'score': 0.92, 'start': 10, 'end': 16, 'answer': 'Berlin'}
    answer(question=["Where?", "Who?"], context="Ada lives in London.", top_k=3)     # a list of lists of answers
    answer([{"question": "Where?", "context": "Ada lives in London."}, ...])         # also one dict, or a generator

From QuestionAnsweringPipeline: one question gives one result, also inside a list; one answer is a dict, also with
`top_k` above 1. Difference: a context given as one string serves every question of a dict of lists too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput
from .base import Inputs, Row, Settings, Task, deprecated, given, one, scalars, split, text_tensor, texts


class QuestionAnswering(Task):
    name = "question-answering"
    inputs = ("QUESTION", "CONTEXT")
    outputs = ("ANSWER", "SCORE", "START", "END", "COUNT")
    batch_size = 16

    def items(
        self,
        *examples: Any,
        question: Any = None,
        context: Any = None,
        data: Any = None,
        X: Any = None,  # noqa: N803
        **parameters: Any,
    ) -> Inputs:
        if len(examples) == 2 and all(isinstance(example, str) for example in examples):
            inputs: Any = _examples(*examples)
        elif examples:
            inputs = examples[0] if len(examples) == 1 else list(examples)
        elif X is not None or data is not None:
            deprecated("X / data", "question and context")
            inputs = data if X is None else X
        elif question is not None and context is not None:
            inputs = _examples(question, context)
        else:
            raise InvalidInput("give question=... and context=..., or a dict of both, or a list of such dicts")
        if isinstance(inputs, Mapping) and isinstance(inputs.get("question"), list):
            inputs = _examples(inputs["question"], inputs.get("context"))
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1:
            return one(inputs[0], parameters)
        return split(inputs, parameters)

    def parameters(
        self,
        *,
        top_k: int | None = None,
        topk: int | None = None,
        padding: Any = None,  # of no effect on results: the server pads as it batches
        doc_stride: int | None = None,
        max_answer_len: int | None = None,
        max_seq_len: int | None = None,
        max_question_len: int | None = None,
        handle_impossible_answer: bool | None = None,
        align_to_words: bool | None = None,
        **others: Any,
    ) -> Settings:
        if topk is not None and top_k is None:
            deprecated("topk", "top_k")
            top_k = topk
        sent = given(
            top_k=top_k,
            doc_stride=doc_stride,
            max_answer_len=max_answer_len,
            max_seq_len=max_seq_len,
            max_question_len=max_question_len,
            handle_impossible_answer=handle_impossible_answer,
            align_to_words=align_to_words,
        )
        return Settings(scalars({**others, **sent}))

    def encode(self, item: Any, settings: Settings) -> Row:
        question, context = _question_and_context(item)
        return {
            "QUESTION": text_tensor([question], "the question"),
            "CONTEXT": text_tensor([context], "the context"),
        }

    def decode(self, item: Any, outputs: Row, settings: Settings) -> dict[str, Any] | list[dict[str, Any]]:
        count = int(outputs["COUNT"][0])
        columns = (*(outputs[name][:count].tolist() for name in ("SCORE", "START", "END")), outputs["ANSWER"][:count])
        answers = [
            {"score": score, "start": start, "end": end, "answer": answer}
            for score, start, end, answer in zip(*columns[:3], texts(columns[3]), strict=True)
        ]
        return answers[0] if count == 1 else answers


def _examples(question: Any, context: Any) -> list[dict[str, Any]]:
    """One example a question; a context that is one string serves all of them."""
    if isinstance(question, str) and isinstance(context, str):
        return [{"question": question, "context": context}]
    if not isinstance(question, list) or not isinstance(context, (str, list)):
        raise InvalidInput("question and context must be two strings, two lists, or a list of questions and one string")
    contexts = [context] * len(question) if isinstance(context, str) else context
    if len(question) != len(contexts):
        raise InvalidInput(f"{len(question)} questions but {len(contexts)} contexts: there must be as many of both")
    return [{"question": each, "context": its} for each, its in zip(question, contexts, strict=True)]


def _question_and_context(example: Any) -> tuple[Any, Any]:
    if hasattr(example, "question_text") and hasattr(example, "context_text"):  # transformers' SquadExample
        return example.question_text, example.context_text
    if not isinstance(example, Mapping) or not {"question", "context"} <= set(example):
        raise InvalidInput("an example must be a dict with the keys question and context")
    for key in ("question", "context"):
        if not example[key]:
            raise InvalidInput(f"`{key}` cannot be {'None' if example[key] is None else 'empty'}")
    return example["question"], example["context"]
