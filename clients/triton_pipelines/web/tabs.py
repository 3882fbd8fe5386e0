"""The tab of a task: its form on the left, what came of it on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from ..errors import TritonPipelinesError
from ..pipelines import Pipeline
from ..tasks.base import Task
from . import components
from .forms import Form, form_of
from .views import View, views

Open = Callable[[str, str], Pipeline]
"""The pipeline of a task and a deployment."""


class Found:
    """What is shown of an answer. Gradio compares states by their hash, which pictures and lists do not have."""

    def __init__(self, shown: Sequence[View] = ()) -> None:
        self.shown = shown


def asking(form: Form, run: Pipeline, values: Sequence[Any]) -> list[View]:
    """What to show of the answer to a form."""
    return views(run(**form.arguments(values)), form.asked(values))


def streaming(form: Form, run: Pipeline, values: Sequence[Any]) -> Iterator[str]:
    """The text so far, as it is generated."""
    text = ""
    for piece in run.stream(**form.arguments(values)):
        text += piece
        yield text


def failure(error: TritonPipelinesError | None) -> Any:
    """What the box of errors becomes."""
    if error is None:
        return gr.update(visible=False)
    return gr.update(value=str(error), label=f"Error: {error.status}", visible=True)


def failure_box() -> Any:
    return gr.Textbox(visible=False, interactive=False, lines=2, max_lines=8, elem_classes="failure")


def deployment_box(names: Sequence[str]) -> Any:
    return gr.Dropdown(list(names), value=names[0], label="Deployment", visible=len(names) > 1)


def form_tab(task: Task, names: Sequence[str], open_: Open) -> None:
    """The tab of a task that answers at once; `names` are its deployments."""
    form = form_of(task)
    with gr.Row():
        with gr.Column():
            deployment, asked, button = _left(form, names)
        with gr.Column():
            failed = failure_box()
            found = gr.State(Found())

            def draw(answer: Found) -> None:
                for view in answer.shown:
                    components.show(view)

            gr.render(found, show_progress="hidden")(draw)

    def answer(name: str, *values: Any) -> tuple[Any, Any]:
        try:
            return failure(None), Found(asking(form, open_(task.name, name), values))
        except TritonPipelinesError as error:  # what was found before stays
            return failure(error), gr.skip()

    button.click(answer, [deployment, *asked], [failed, found], api_visibility="private")


def prompt_tab(task: Task, names: Sequence[str], open_: Open) -> None:
    """A prompt, and the text that goes on from it."""
    form = form_of(task)
    with gr.Row():
        with gr.Column():
            deployment, asked, button = _left(form, names)
            stop = gr.Button("Stop")
        with gr.Column():
            failed = failure_box()
            text = gr.Textbox(label="Text", lines=10, interactive=False, autoscroll=True)

    def answer(name: str, *values: Any) -> Iterator[tuple[Any, Any]]:
        try:
            for so_far in streaming(form, open_(task.name, name), values):
                yield failure(None), so_far
        except TritonPipelinesError as error:
            yield failure(error), gr.skip()

    event = button.click(answer, [deployment, *asked], [failed, text], api_visibility="private")
    stop.click(None, cancels=[event], api_visibility="private")


def _left(form: Form, names: Sequence[str]) -> tuple[Any, list[Any], Any]:
    """The form: the deployment's box, those of the fields, the button."""
    deployment = deployment_box(names)
    asked = [components.ask(field) for field in form.inputs]
    button = gr.Button("Ask", variant="primary")
    asked += parameters(form)
    return deployment, asked, button


def parameters(form: Form) -> list[Any]:
    """The boxes of the parameters, and of what else there may be."""
    with gr.Accordion("Parameters", open=False), gr.Row():
        return [components.ask(field) for field in form.fields[len(form.inputs) :]]
