"""Each task's tab: what is filled in becomes a call of the pipeline that client and server understand."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest

from tests.clients.fake import FakeTransport, sent
from triton_pipelines import InvalidInput, Pipeline, ServerError, tasks
from triton_pipelines.tasks.base import Task
from triton_pipelines.transport import Request
from triton_pipelines.web import fields
from triton_pipelines.web.fields import Field
from triton_pipelines.web.forms import Form, form_of
from triton_pipelines.web.tabs import asking, streaming
from triton_pipelines.web.views import Asked

DATA = Path(__file__).parents[1] / "data"
FILLED: dict[type[Field], Callable[[Any], Any]] = {
    fields.Picture: lambda field: str(DATA / "scene.png"),
    fields.Sound: lambda field: str(DATA / "speech.wav"),
    fields.Video: lambda field: str(DATA / "short.mp4"),
    fields.Text: lambda field: field.value or "a text",
    fields.Listed: lambda field: field.value or "a cat",
    fields.Table: lambda field: pandas.DataFrame(field.value),
    fields.Number: lambda field: str(field.value or 3),
    fields.Share: lambda field: field.value,
    fields.Choice: lambda field: field.value or first(field.choices),
    fields.Flag: lambda field: True,
    fields.More: lambda field: "",
}
EMPTY: dict[type[Field], None] = {fields.Picture: None, fields.Sound: None, fields.Video: None}


def first(choices: tuple[Any, ...]) -> Any:
    return choices[0][1] if isinstance(choices[0], tuple) else choices[0]


def filled(form: Form, **changed: Any) -> list[Any]:
    """Every field of a form filled in, but those that are `changed`, by name."""
    return [changed.get(field.name, FILLED[type(field)](field)) for field in form.fields]


def asked(task: str, values: list[Any]) -> Request:
    """The request that a filled form sends."""

    def refuse(request: Request) -> Iterator[Any]:
        raise ServerError("that will do")

    transport = FakeTransport(refuse)
    run = Pipeline(tasks.find(task), transport, retries=0)
    with pytest.raises(ServerError, match="that will do"):
        if tasks.TASKS[task].decoupled:
            list(streaming(form_of(tasks.TASKS[task]), run, values))
        else:
            asking(form_of(tasks.TASKS[task]), run, values)
    return transport.request


@pytest.mark.parametrize("task", tasks.TASKS)
def test_client_and_server_know_what_a_form_sends(task: str) -> None:
    form = form_of(tasks.TASKS[task])
    request = asked(task, filled(form))
    known = importlib.import_module(f"python_backend.tasks.{task.replace('-', '_')}").PARAMETERS
    known.parse({name: value for name, value in request.parameters.items() if name != "stream"})
    assert {"IMAGE", "AUDIO", "VIDEO", "TEXT", "QUESTION", "TABLE"} & set(request.tensors)
    said = {name for name, value in request.parameters.items() if value != "null"} | set(
        map(str.lower, request.tensors)
    )
    assert {field.name for field in form.parameters} <= said | {"text_pair"}


@pytest.mark.parametrize("task", tasks.TASKS)
def test_parameters_may_stay_empty(task: str) -> None:
    form = form_of(tasks.TASKS[task])
    empty = {field.name: EMPTY.get(type(field), "") for field in form.parameters}
    assert set(asked(task, filled(form, **empty)).parameters) <= {"return_full_text", "stream"}


@pytest.mark.parametrize("task", tasks.TASKS)
def test_an_input_that_is_missing_is_named(task: str) -> None:
    form = form_of(tasks.TASKS[task])
    for field in form.inputs:
        nothing = pandas.DataFrame({"A": [""]}) if isinstance(field, fields.Table) else EMPTY.get(type(field), "")
        with pytest.raises(InvalidInput, match=f"{field.title} is empty: "):
            form.arguments(filled(form, **{field.name: nothing}))


def test_what_texts_become() -> None:
    request = asked("zero-shot-classification", filled(form_of(tasks.TASKS["zero-shot-classification"])))
    assert sent(request, "CANDIDATE_LABELS") == [["urgent", "not urgent", "phone", "tablet", "computer"]]
    pair = asked("text-classification", filled(form_of(tasks.TASKS["text-classification"]), text_pair="and another"))
    assert (sent(pair, "TEXT"), sent(pair, "TEXT_PAIR")) == ([["I love it"]], [["and another"]])
    table = form_of(tasks.TASKS["table-question-answering"])
    questions = asked("table-question-answering", filled(table, query="How many?\n\nAnd then?"))
    assert sent(questions, "QUERY") == [["How many?", "And then?"]]


def test_other_parameters() -> None:
    form = form_of(tasks.TASKS["text-generation"])
    request = asked("text-generation", filled(form, more='{"top_p": 0.5, "max_new_tokens": 7, "stop_strings": ["."]}'))
    assert (request.parameters["top_p"], request.parameters["max_new_tokens"]) == (0.5, 7)
    assert sent(request, "STOP") == ["."]
    for wrong in ("top_p=0.5", "[1]"):
        with pytest.raises(InvalidInput, match="Other parameters: "):
            form.arguments(filled(form, more=wrong))


def test_numbers() -> None:
    form = form_of(tasks.TASKS["text-generation"])
    assert form.arguments(filled(form, temperature="0.5"))["temperature"] == 0.5
    for wrong, remedy in (("many", "write a whole number, or nothing"), ("0", "write 1 or more, or nothing")):
        with pytest.raises(InvalidInput, match=f"max_new_tokens: {remedy}"):
            form.arguments(filled(form, max_new_tokens=wrong))


@pytest.mark.parametrize("task", tasks.TASKS)
def test_no_path_or_url_can_be_written_where_a_file_is_chosen(task: str) -> None:
    """The page's machine would read it."""
    form = form_of(tasks.TASKS[task])
    for name in {"inputs", "images", "image", "videos", "audios", "data", "X"} & set(form.reserved):
        with pytest.raises(InvalidInput, match=name):
            form.arguments(filled(form, more=f'{{"{name}": "/etc/passwd"}}'))
    if any(isinstance(field, fields.Picture | fields.Sound | fields.Video) for field in form.inputs):
        assert form.reserved


def test_positions_among_the_words_of_a_picture_are_none_of_the_question() -> None:
    form = form_of(tasks.TASKS["document-question-answering"])
    assert form.asked(filled(form)) == Asked(picture=str(DATA / "scene.png"))
    text = form_of(tasks.TASKS["question-answering"])
    assert text.asked(filled(text)) == Asked(text="My name is Wolfgang and I live in Berlin.")


def test_a_task_that_nobody_wrote_a_word_about_has_a_form() -> None:
    class MoodDetection(Task):
        name = "mood-detection"
        inputs = ("IMAGE", "NAME_OF_PERSON")

        def items(self, inputs: Any = None, **parameters: Any) -> Any:
            raise NotImplementedError

    form = form_of(MoodDetection())
    assert [(type(field), field.name, field.title) for field in form.inputs] == [
        (fields.Picture, "inputs", "Picture"),
        (fields.Text, "name_of_person", "Name of person"),
    ]
    given = form.arguments(["a.png", "Ada", ""])
    assert given == {"inputs": "a.png", "name_of_person": "Ada"}
