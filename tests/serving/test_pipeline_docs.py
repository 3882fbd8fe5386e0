"""The examples of docs/pipeline_calls.md, from the documentation of the pipelines, give what they give in 4.48.1."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pandas
import pytest

from tests.clients.web import Web
from tests.conftest import TASKS, Servers
from tests.parity import golden
from tests.parity.compare import compare
from tests.serving import pipeline_docs
from triton_pipelines import pipeline

SECTIONS = pipeline_docs.sections()
OTHERWISE: dict[str, Callable[[list[Any]], list[Any]]] = {
    "image_to_text": lambda answers: [answers[0], [{"generated_text": _decoded(each)} for each in answers[1]]],
}
"""What is answered otherwise, as the page says."""


def _decoded(answer: dict[str, str]) -> str:
    """The text with the prompt as its tokens decode: in small letters."""
    prompt = answer["input_text"]
    return prompt.lower() + answer["generated_text"].removeprefix(prompt)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with pipeline_docs.files() as running:
        yield running


@pytest.mark.parametrize("task", TASKS)
def test_examples(served: Servers, web: Web, task: str) -> None:
    if task == "document_question_answering" and shutil.which("tesseract") is None:
        pytest.skip("tesseract is not installed")

    def make(name: str, checkpoint: str, **arguments: Any) -> Any:
        return pipeline(name, checkpoint, served(checkpoint).grpc_url, **arguments)

    got = pipeline_docs.run(task, SECTIONS[task][1], make, web)
    want = golden.read(pipeline_docs.GOLDENS)["answers"][task]
    compare(got, OTHERWISE.get(task, list)(want))


def test_each_task_has_examples() -> None:
    assert sorted(SECTIONS) == TASKS
    assert sorted(golden.read(pipeline_docs.GOLDENS)["answers"]) == TASKS


@pytest.mark.parametrize("task", TASKS)
def test_what_changes_makes_the_pipeline(task: str) -> None:
    """All arguments stay but those that the server has settled."""
    changes = pipeline_docs.changed(*SECTIONS[task])
    for one, other in changes[:-1] if task in OTHERWISE else changes:
        there, here = _made(one), _made(other)
        assert (there.pop(""), _settled(there)) == (here.pop(""), _settled(here))


def _made(statement: ast.stmt) -> dict[str, Any]:
    """The keyword arguments of `name = pipeline(...)`, and the name, as that of no argument."""
    assert isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)
    assert ast.unparse(statement.value.func) == "pipeline"
    keywords = {str(keyword.arg): ast.unparse(keyword.value) for keyword in statement.value.keywords}
    return {**keywords, "": ast.unparse(statement.targets[0])}


def _settled(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in pipeline_docs.MOVED}


@pytest.mark.parametrize("task", ["text_classification"])
def test_a_column_of_pandas_is_a_list(served: Servers, task: str) -> None:
    classify = pipeline("sentiment-analysis", "text_classification_bert", served("text_classification_bert").grpc_url)
    column = pandas.DataFrame({"text": ["This restaurant is awesome", "This restaurant is awful"]})["text"]
    want = golden.read(pipeline_docs.GOLDENS)["answers"][task][-1]
    compare(classify(column), want)
    compare(classify(column[column.str.endswith("awful")]), want[1:])


@pytest.mark.parametrize("task", ["visual_question_answering"])
def test_vqa(served: Servers, task: str) -> None:
    ask = pipeline("vqa", "visual_question_answering_vilt", served("visual_question_answering_vilt").grpc_url)
    want = golden.read(pipeline_docs.GOLDENS)["answers"][task][0]
    scene = str(pipeline_docs.DATA / "scene.png")
    compare(ask(question="What is she wearing ?", image=scene), want)
