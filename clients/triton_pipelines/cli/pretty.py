"""Results as a person likes to see them in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Group, RenderableType
from rich.pretty import Pretty
from rich.table import Table
from rich.text import Text

from ..errors import TritonPipelinesError
from ..sounds import is_audio

_PICTURE = 48  # columns that a picture takes
_BAR = 20  # those of a score of 1


def render(result: Any, width: int) -> RenderableType:
    """A table for dicts of a kind, a picture for a picture, text for text."""
    if isinstance(result, TritonPipelinesError):
        return Text(f"error: {result}", style="red")
    if isinstance(result, Image.Image):
        return picture(result, min(_PICTURE, width))
    if isinstance(result, str):
        return Text(result)
    if is_audio(result):
        return Text(_sound(result))
    if isinstance(result, np.ndarray):
        return Text(_array(result))
    if isinstance(result, Mapping):
        columns = _as_columns(result)
        return render(columns, width) if columns else _record(result, width)
    if _is_table(result):
        return _table([_flat(row) for row in result], width)
    if isinstance(result, (list, tuple)) and result and not isinstance(result[0], (int, float)):
        return Group(*(render(each, width) for each in result))
    return Pretty(result, max_length=8)


def picture(image: Image.Image, columns: int) -> Text:
    """An image in half blocks: two pixels a character."""
    width = max(1, min(columns, image.width))
    height = max(2, round(image.height * width / image.width / 2) * 2)
    pixels = np.asarray(image.convert("RGB").resize((width, height)))
    text = Text()
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        for above, below in zip(upper, lower, strict=True):
            text.append("▀", f"{_color(above)} on {_color(below)}")
        text.append("\n")
    text.right_crop(1)
    return text


def _color(pixel: Any) -> str:
    return "#{:02x}{:02x}{:02x}".format(*pixel)


def _sound(sound: Mapping[str, Any]) -> str:
    seconds = np.asarray(sound["audio"]).shape[-1] / sound["sampling_rate"]
    return f"{seconds:.2f} s of audio at {sound['sampling_rate']} Hz; --output FOLDER writes it"


def _array(array: Any) -> str:
    numbers = f", {array.min():.4g} to {array.max():.4g}" if array.size and array.dtype.kind in "iuf" else ""
    return f"{array.dtype} {list(array.shape)}{numbers}"


def _is_table(result: Any) -> bool:
    return isinstance(result, (list, tuple)) and bool(result) and all(isinstance(row, Mapping) for row in result)


def _as_columns(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of a record of columns, as zero-shot-classification gives it: {"labels": [...], "scores": [...]}."""
    lists = {key: value for key, value in record.items() if isinstance(value, list)}
    if set(lists) != {"labels", "scores"}:
        return []
    return [{"label": label, "score": score} for label, score in zip(lists["labels"], lists["scores"], strict=True)]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with what is in its dicts, such as the corners of a box, as columns of their own."""
    cells: dict[str, Any] = {}
    for key, value in row.items():
        cells.update(value if isinstance(value, Mapping) and not is_audio(value) else {key: value})
    return cells


def _record(record: Mapping[str, Any], width: int) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for key, value in record.items():
        table.add_row(Text(str(key), style="bold"), _cell(key, value, width))
    return table


def _table(rows: Sequence[Mapping[str, Any]], width: int) -> RenderableType:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if names == ["generated_text"]:
        return Group(*(_cell("", row["generated_text"], width) for row in rows))
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*(_cell(name, row.get(name), width) for name in names))
    return table


def _cell(name: str, value: Any, width: int) -> RenderableType:
    if name == "score" and isinstance(value, float):
        bar = "█" * round(_BAR * min(max(value, 0), 1))
        return Text(f"{value:.4f} ").append(bar, "green")
    if value is None:
        return Text("")
    if isinstance(value, float):
        return Text(f"{value:.4g}")
    return render(value, width) if not isinstance(value, int) else Text(str(value))
