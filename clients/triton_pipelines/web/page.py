"""The page: a tab for each task that the server serves."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from .. import tasks
from ..deployments import Deployment
from ..tasks.audio import AudioTask
from ..tasks.base import Task
from .chats import chat_tab
from .tabs import Open, form_tab, prompt_tab

FEW = 8
"""So many tabs stand in one row; more are put into groups."""
CSS = """
.failure textarea { color: var(--error-text-color); background: var(--error-background-fill); }
.rows th * { word-break: keep-all !important; overflow-wrap: normal !important; }
.rows [role=grid] * { font-size: var(--text-sm) !important; }
.shown .image-container > button, .shown .image-frame, .shown img { width: 100% !important; }
.shown img { object-fit: contain !important; }
button[aria-label="Share"] { display: none; }
"""
FONTS = ("system-ui", "sans-serif")
MONO = ("ui-monospace", "monospace")
TITLE = "Triton Pipelines"


def page(deployments: Sequence[Deployment], open_: Open, url: str) -> gr.Blocks:
    """The page of the deployments that are ready; `open_` gives their pipelines."""
    served: dict[str, list[str]] = {}
    for each in deployments:
        if each.task is not None and each.ready:
            served.setdefault(each.task, []).append(each.name)
    found = [task for name, task in tasks.TASKS.items() if name in served]
    # What is uploaded or made is deleted after an hour.
    blocks = gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, 3600), fill_width=True)
    with blocks:
        gr.Markdown(f"# {TITLE}\nat `{url}`")
        if not found:
            gr.Markdown("The server serves no task that is ready. Start one: `scripts/serve.py text-classification`.")
        elif len(found) <= FEW:
            _tabs(found, served, open_)
        else:
            groups = dict.fromkeys(map(group, found))
            with gr.Tabs():
                for name in groups:
                    with gr.Tab(name):
                        _tabs([task for task in found if group(task) == name], served, open_)
    return blocks


def theme() -> gr.themes.Base:
    """A look with the fonts of the reader's own system: nothing is fetched from elsewhere."""
    return gr.themes.Default(font=FONTS, font_mono=MONO)


def group(task: Task) -> str:
    """What a task takes."""
    if isinstance(task, AudioTask) or "AUDIO" in task.outputs:
        return "Audio"
    if not {"IMAGE", "VIDEO"} & set(task.inputs):
        return "Text"
    return "Pictures" if len(task.inputs) == 1 else "Pictures and text"


def _tabs(found: Sequence[Task], served: dict[str, list[str]], open_: Open) -> None:
    with gr.Tabs():
        for task in found:
            with gr.Tab(task.name):
                _tab(task, served[task.name], open_)


def _tab(task: Task, names: Sequence[str], open_: Open) -> None:
    if not task.decoupled:
        form_tab(task, names, open_)
        return
    with gr.Tabs():
        with gr.Tab("Chat"):
            chat_tab(task, names, open_)
        with gr.Tab("Prompt"):
            prompt_tab(task, names, open_)
