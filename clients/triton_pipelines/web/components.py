"""Fields and views as Gradio's components."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np

from ..sounds import save_wav
from . import fields, views
from .fields import Field
from .views import View

HEIGHT = 360
"""Pixels of a picture or a video that was chosen."""


def ask(field: Field) -> Any:
    """The component that asks for a field."""
    return _ASK[type(field)](field, {"label": field.title, "info": field.info or None})


def show(view: View) -> None:
    """Put a view on the page, where the page is being made."""
    _SHOW[type(view)](view)


def _file(component: Any, **options: Any) -> Callable[[Any, Any], Any]:
    """Files stay as they are: the server decodes them."""
    return lambda field, named: component(label=named["label"], **options)


def _text(field: fields.Text, named: Any) -> Any:
    return gr.Textbox(field.value, lines=field.lines, max_lines=max(12, field.lines), **named)


def _table(field: fields.Table, named: Any) -> Any:
    table = field.value or {"A": ["", ""], "B": ["", ""]}
    rows = [list(row) for row in zip(*table.values(), strict=True)]
    return gr.Dataframe(rows, headers=list(table), label=named["label"], type="pandas", interactive=True)


def _number(field: fields.Number, named: Any) -> Any:
    return gr.Textbox("" if field.value is None else str(field.value), max_lines=1, **named)


def _choice(field: fields.Choice, named: Any) -> Any:
    return gr.Dropdown([("", ""), *field.choices], value=field.value or "", **named)


_ASK: dict[type[Field], Callable[[Any, Any], Any]] = {
    fields.Picture: _file(
        gr.Image, type="filepath", image_mode=None, height=HEIGHT, sources=["upload", "clipboard", "webcam"]
    ),
    fields.Sound: _file(gr.Audio, type="filepath", sources=["upload", "microphone"], buttons=["download"]),
    fields.Video: _file(gr.Video, height=HEIGHT, sources=["upload"]),
    fields.Text: _text,
    fields.Listed: _text,
    fields.Table: _table,
    fields.Number: _number,
    fields.Share: lambda field, named: gr.Slider(0, 1, field.value, step=0.01, **named),
    fields.Choice: _choice,
    fields.Flag: lambda field, named: gr.Checkbox(False, **named),
    fields.More: lambda field, named: gr.Textbox("", lines=1, **named),
}


def _bars(view: views.Bars) -> None:
    """Gradio's bars want labels that differ."""
    scores: dict[str, float] = {}
    for label, score in view.scores:
        twice = sum(known == label or known.startswith(f"{label} (") for known in scores)
        scores[f"{label} ({twice + 1})" if label in scores else label] = score
    gr.Label(scores, label="Scores", show_heading=False)


def _marked(view: views.Marked) -> None:
    marks = [(mask.astype(np.float32) if isinstance(mask, np.ndarray) else mask, label) for mask, label in view.marks]
    gr.AnnotatedImage((view.picture, marks), label="Picture", format="png", show_label=False)


def _heard(view: views.Heard) -> None:
    # Gradio takes a copy of the file into its own cache, which it empties.
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        save_wav(view.sound, file)
        file.flush()
        gr.Audio(file.name, label="Audio", interactive=False, buttons=["download"])


_SHOW: dict[type[Any], Callable[[Any], Any]] = {
    views.Bars: _bars,
    views.Marked: _marked,
    views.Highlighted: lambda view: gr.HighlightedText(view.pieces, label="Text", show_legend=True),
    views.Rows: lambda view: gr.Dataframe(
        view.rows, headers=view.names, label="Table", interactive=False, wrap=True, elem_classes="rows"
    ),
    views.Shown: lambda view: gr.Image(
        view.picture,
        label="Picture",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_classes="shown",
    ),
    views.Heard: _heard,
    views.Words: lambda view: gr.Textbox(view.text, label=view.label, interactive=False, lines=2, max_lines=20),
}
