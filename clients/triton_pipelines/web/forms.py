"""The form of a task: inputs by its tensors, parameters, and the call that they make.

A task gets its inputs by the tensors that it is declared with, so a new one has a form without a word here.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InvalidInput
from ..tasks.audio import AudioTask
from ..tasks.base import Task
from .fields import ABSENT, Field, Listed, More, Picture, Sound, Table, Text, Video
from .parameters import PARAMETERS
from .views import Asked

INPUTS: dict[str, tuple[Field, tuple[str, ...]]] = {
    "IMAGE": (Picture(name="", label="Picture"), ("image", "images", "inputs")),
    "AUDIO": (Sound(name="", label="Recording"), ("inputs",)),
    "VIDEO": (Video(name="", label="Video"), ("inputs",)),
    "TEXT": (Text(name="", label="Text", lines=4), ("inputs", "text_inputs", "sequences")),
    "MESSAGES": (Text(name="", label="Prompt", lines=4), ("text", "text_inputs")),
    "TABLE": (Table(name="", label="Table"), ("table",)),
    "QUERY": (Listed(name="", label="Questions, one a line", lines=2, between="\n", bare=True), ("query",)),
    "QUESTION": (Text(name="", label="Question"), ("question",)),
    "CONTEXT": (Text(name="", label="Text with the answer", lines=6), ("context",)),
    "CANDIDATE_LABELS": (Listed(name="", label="Labels, with commas between them"), ("candidate_labels",)),
}
"""By tensor: the field, and the keyword argument of the call: the first that the task has, or else the last."""

LEFT_OUT = ("WORDS", "BOXES")  # of documents that are no picture: for programs
MORE = More(name="more", label="Other parameters", info='JSON, such as {"top_k": 2}')

BEGINNINGS: dict[str, dict[str, Any]] = {
    "text-classification": {"TEXT": "I love it"},
    "token-classification": {"TEXT": "Ada Lovelace lives in London."},
    "question-answering": {"QUESTION": "Where do I live?", "CONTEXT": "My name is Wolfgang and I live in Berlin."},
    "table-question-answering": {
        "TABLE": {"Repository": ["Transformers", "Datasets", "Tokenizers"], "Stars": ["36542", "4512", "3934"]},
        "QUERY": "How many stars does Datasets have?",
    },
    "fill-mask": {"TEXT": "Paris is the <mask> of France."},
    "feature-extraction": {"TEXT": "This is a test."},
    "zero-shot-classification": {
        "TEXT": "I have a problem with my phone that needs to be resolved as soon as possible!",
        "CANDIDATE_LABELS": "urgent, not urgent, phone, tablet, computer",
    },
    "zero-shot-image-classification": {"CANDIDATE_LABELS": "cat, dog, landscape"},
    "zero-shot-object-detection": {"CANDIDATE_LABELS": "a cat, a couch"},
    "visual-question-answering": {"QUESTION": "What is in the picture?"},
    "document-question-answering": {"QUESTION": "What is the invoice number?"},
    "zero-shot-audio-classification": {"CANDIDATE_LABELS": "sound of a dog, sound of a vacuum cleaner"},
    "text-to-audio": {"TEXT": "Hello, my dog is cute."},
    "summarization": {
        "TEXT": "The tower is 324 metres tall, about the same height as an 81-storey building, and the tallest "
        "structure in Paris. It was the first structure in the world to surpass both the 200 metre and 300 metre mark."
    },
    "translation": {"TEXT": "How old are you?"},
    "text2text-generation": {"TEXT": "question: What is 42? context: 42 is the answer to life"},
    "text-generation": {"MESSAGES": "Once upon a time"},
}
"""What stands in the fields at first, so that one click gives an answer."""


@dataclass(frozen=True)
class Form:
    """The fields of a task, in order: inputs, parameters, and what else there may be."""

    task: str
    inputs: tuple[Field, ...]
    parameters: tuple[Field, ...]
    reserved: frozenset[str] = frozenset()
    """Arguments that are inputs. The page's own machine reads paths and URLs that stand there: none may be written."""

    @property
    def fields(self) -> tuple[Field, ...]:
        return (*self.inputs, *self.parameters, MORE)

    def arguments(self, values: Sequence[Any]) -> dict[str, Any]:
        """The keyword arguments of the pipeline's call, out of the values of `fields`.

        Raises InvalidInput where a value is missing or wrong.
        """
        inputs = zip(self.inputs, values[: len(self.inputs)], strict=True)
        parsed = {field.name: field.argument(value) for field, value in inputs}
        return _paired({**parsed, **self.options(values[len(self.inputs) :])})

    def options(self, values: Sequence[Any]) -> dict[str, Any]:
        """The keyword arguments that are no inputs, out of the values of their fields."""
        *parameters, more = values
        parsed = {field.name: field.argument(value) for field, value in zip(self.parameters, parameters, strict=True)}
        others = MORE.argument(more)
        if written := sorted(self.reserved & others.keys()):
            raise InvalidInput(f"{MORE.title} cannot hold {', '.join(written)}: there are fields for what is asked")
        return {name: value for name, value in {**parsed, **others}.items() if value is not ABSENT}

    def asked(self, values: Sequence[Any]) -> Asked:
        """What the views of a result need: a picture, or else the text that positions are of, which comes last."""
        given = list(zip(self.inputs, values, strict=False))
        pictures = [value for field, value in given if isinstance(field, Picture)]
        texts = [value for field, value in given if type(field) is Text]
        return Asked(picture=pictures[-1]) if pictures else Asked(text=(texts or [None])[-1])


def form_of(task: Task) -> Form:
    beginnings = BEGINNINGS.get(task.name, {})
    inputs = tuple(_input(tensor, task, beginnings) for tensor in _tensors(task))
    reserved = {*_signature(task), *(field.name for field in inputs)}
    return Form(task.name, inputs, PARAMETERS.get(task.name, ()), frozenset(reserved))


def _signature(task: Task) -> list[str]:
    """The names of the call's arguments that are inputs."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [name for name, each in inspect.signature(task.items).parameters.items() if each.kind not in kinds]


def _tensors(task: Task) -> list[str]:
    """The tensors that stand for inputs: files first."""
    tensors = [*(["AUDIO"] if isinstance(task, AudioTask) else []), *task.inputs]
    return sorted((tensor for tensor in tensors if tensor not in LEFT_OUT), key=lambda tensor: tensor != "IMAGE")


def _input(tensor: str, task: Task, beginnings: Mapping[str, Any]) -> Field:
    unknown = Text(name="", label=tensor.replace("_", " ").capitalize(), lines=2), (tensor.lower(),)
    field, names = INPUTS.get(tensor, unknown)
    taken = _signature(task)
    name = next((name for name in names if name in taken), names[-1])
    return replace(field, name=name, value=beginnings.get(tensor), required=True)


def _paired(arguments: dict[str, Any]) -> dict[str, Any]:
    """A second text goes with the first one, as text-classification takes them."""
    if "text_pair" in arguments:
        arguments["inputs"] = {"text": arguments["inputs"], "text_pair": arguments.pop("text_pair")}
    return arguments
