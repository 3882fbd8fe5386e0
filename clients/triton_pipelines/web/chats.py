"""A chat with a deployment that generates text, streamed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from ..errors import TritonPipelinesError
from ..tasks.base import Task
from ..terminal import Chat
from .forms import form_of
from .tabs import Open, deployment_box, failure, failure_box, parameters

Message = dict[str, Any]


def chat_tab(task: Task, names: Sequence[str], open_: Open) -> None:
    pictured = "IMAGE" in task.inputs
    form = form_of(task)
    deployment = deployment_box(names)
    shown = gr.Chatbot(height=420, label="Chat", buttons=["copy"], feedback_options=None)
    failed = failure_box()
    said = gr.MultimodalTextbox(
        placeholder="Write a message",
        show_label=False,
        sources=["upload"] if pictured else [],
        file_types=["image"],
        file_count="multiple",
    )
    with gr.Row():
        stop = gr.Button("Stop")
        anew = gr.Button("Begin anew")
    asked = parameters(form)
    messages = gr.State([])

    def answer(
        name: str, message: Message, history: list[Message], display: list[Message], *values: Any
    ) -> Iterator[tuple[Any, Any, Any, Any]]:
        """The box of what is said, that of errors, the chat as it is shown, and as the model gets it."""
        asked_for = _bubbles(message)
        try:
            chat = Chat(open_(task.name, name))
            chat.messages = list(history)
            for file in message["files"]:
                chat.add_image(file)
            yield gr.update(value=None), failure(None), [*display, *asked_for], gr.skip()  # the next can be written
            so_far = ""
            for piece in chat.ask(message["text"], **form.options(values)):
                so_far += piece
                bubbles = [*display, *asked_for, {"role": "assistant", "content": so_far}]
                yield gr.skip(), gr.skip(), bubbles, gr.skip()
            yield gr.skip(), gr.skip(), gr.skip(), chat.messages
        except TritonPipelinesError as error:  # the message stands in its box again, and the chat is as it was
            yield gr.update(value=message), failure(error), display, gr.skip()

    event = said.submit(
        answer, [deployment, said, messages, shown, *asked], [said, failed, shown, messages], api_visibility="private"
    )
    stop.click(None, cancels=[event], api_visibility="private")
    anew.click(
        lambda: ([], [], failure(None)), None, [shown, messages, failed], cancels=[event], api_visibility="private"
    )


def _bubbles(message: Message) -> list[Message]:
    """A message as the page shows it: its pictures, and its text."""
    pictures = [{"role": "user", "content": {"path": file}} for file in message["files"]]
    return [*pictures, {"role": "user", "content": message["text"]}]
