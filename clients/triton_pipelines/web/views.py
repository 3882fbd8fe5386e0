"""Results as what a page shows. A view is chosen by what a result looks like, never by its task.

components.py says what each kind looks like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ..sounds import is_audio

Record = Mapping[str, Any]
_LABELS = ("label", "answer", "token_str")  # what scores may be of
_SHOWN = 8  # numbers of an array


@dataclass(frozen=True)
class Bars:
    """Labels with scores from 0 to 1."""

    scores: list[tuple[str, float]]


@dataclass(frozen=True)
class Marked:
    """A picture with boxes (left, top, right, bottom) or masks (bool arrays) over it, each with its label."""

    picture: Image.Image
    marks: list[tuple[Any, str]]


@dataclass(frozen=True)
class Highlighted:
    """A text in pieces, some of which have a label."""

    pieces: list[tuple[str, str | None]]


@dataclass(frozen=True)
class Rows:
    names: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Shown:
    """A picture."""

    picture: Image.Image


@dataclass(frozen=True)
class Heard:
    """Samples, and their rate: what save_wav() takes."""

    sound: Record


@dataclass(frozen=True)
class Words:
    text: str
    label: str = "Text"


View = Bars | Marked | Highlighted | Rows | Shown | Heard | Words


@dataclass(frozen=True)
class Asked:
    """What views need of the inputs: the picture that boxes are of, the text that positions are of."""

    picture: str | None = None
    text: str | None = None


def views(result: Any, asked: Asked) -> list[View]:
    """What to show of the result of one call."""
    return list(_views(result, asked))


def _views(result: Any, asked: Asked, label: str = "Text") -> Iterator[View]:
    if isinstance(result, str):
        yield Words(result, label)
    elif isinstance(result, Image.Image):
        yield Shown(result)
    elif isinstance(result, Mapping):
        yield from _record(result, asked)
    elif _are_records(result):
        yield from _records(result, asked)
    elif (array := _as_array(result)) is not None:
        yield Words(_array(array), "Array" if label == "Text" else label)
    elif isinstance(result, (list, tuple)) and result:
        for each in result:
            yield from _views(each, asked, label)
    elif isinstance(result, (list, tuple)):
        yield Words("Nothing was found.", "Result")
    else:
        yield Words(str(result), label)


def _record(record: Record, asked: Asked) -> Iterator[View]:
    if is_audio(record):
        yield Heard(record)
    elif {"masks", "scores"} <= set(record):
        marks = [(mask, f"{at + 1} ({score:.2f})") for at, (mask, score) in enumerate(_pairs(record, "masks"))]
        yield from _marked(marks, asked)
    elif {"labels", "scores"} <= set(record):
        yield from _records([{"label": label, "score": score} for label, score in _pairs(record, "labels")], asked)
    elif "score" in record:
        yield from _records([record], asked)
    else:
        yield from _parts(record, asked)


def _parts(record: Record, asked: Asked) -> Iterator[View]:
    """The parts of a record: texts, pictures and tables one by one, and all else in one table."""
    others = {
        name: value
        for name, value in record.items()
        if _is_written(value) and not isinstance(value, str) and not _are_records(value)
    }
    for name, value in sorted(record.items(), key=lambda part: isinstance(part[1], np.ndarray)):  # these come last
        if name not in others:
            yield from _views(value, asked, name)
    if others:
        yield Rows(list(others), [[_cell(value) for value in others.values()]])


def _records(records: Sequence[Record], asked: Asked) -> Iterator[View]:
    names = list(dict.fromkeys(name for record in records for name in record))
    label = next((name for name in _LABELS if name in names), None)
    shown: set[str] = set()
    if "box" in names or "mask" in names:
        marks = [(_mark(record), _named(record)) for record in records]
        yield from _marked(marks, asked)
        shown = {"mask"}
    elif not all(_is_written(value) for record in records for value in record.values()):
        for record in records:
            yield from _record(record, asked)
        return
    elif pieces := _pieces(records, asked.text):
        yield Highlighted(pieces)
    if label and "box" not in names and all(_is_score(record.get("score")) for record in records):
        yield Bars([(str(record[label]), float(record["score"])) for record in records])
        shown |= {label, "score"}
    if len(names) == 1:
        for record in records:
            yield from _views(record[names[0]], asked, names[0])
    elif set(names) - shown:
        yield _rows(records, [name for name in names if name != "mask"])


def _rows(records: Sequence[Record], names: Sequence[str]) -> Rows:
    return Rows(list(names), [[_cell(record.get(name)) for name in names] for record in records])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(each)}" for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(f"({_cell(each)})" if isinstance(each, (list, tuple)) else _cell(each) for each in value)
    return str(value)


def _marked(marks: list[tuple[Any, str]], asked: Asked) -> Iterator[View]:
    if not marks:
        yield Words("Nothing was found.", "Result")
    elif asked.picture is not None:
        with Image.open(asked.picture) as picture:
            yield Marked(ImageOps.exif_transpose(picture).convert("RGB"), marks)


def _mark(record: Record) -> Any:
    if "box" in record:
        return tuple(round(record["box"][corner]) for corner in ("xmin", "ymin", "xmax", "ymax"))
    return np.asarray(record["mask"]) > 0


def _named(record: Record) -> str:
    score = record.get("score")
    return str(record["label"]) if score is None else f"{record['label']} ({score:.2f})"


def _pieces(records: Sequence[Record], text: str | None) -> list[tuple[str, str | None]]:
    """The text, cut at what records say of it; what overlaps another is left out. Empty where none has a position."""
    spans = sorted(
        (record["start"], record["end"], str(record.get("entity_group") or record.get("entity") or "answer"))
        for record in records
        if record.get("start") is not None and record.get("end") is not None
    )
    pieces: list[tuple[str, str | None]] = []
    at = 0
    for start, end, label in spans:
        if text is not None and at <= start < end <= len(text):
            pieces += [(text[at:start], None), (text[start:end], label)]
            at = end
    return [*pieces, (text[at:], None)] if text is not None and pieces else []


def _pairs(record: Record, name: str) -> Iterator[tuple[Any, float]]:
    return zip(record[name], (float(score) for score in record["scores"]), strict=True)


def _as_array(value: Any) -> Any:
    """Numbers in lists of equal length, or an array, as an array; None where it is neither, or empty."""
    if isinstance(value, np.ndarray):
        return value if value.size else None
    if not isinstance(value, (list, tuple)) or not _is_number(_first(value)):
        return None
    try:
        return np.asarray(value, dtype=np.float64)
    except ValueError:  # of several lengths
        return None


def _array(array: Any) -> str:
    numbers = array.ravel()
    some = ", ".join(f"{number:.4g}" for number in numbers[:_SHOWN])
    more = ", ..." if numbers.size > _SHOWN else ""
    return f"{' x '.join(map(str, array.shape))} numbers from {numbers.min():.4g} to {numbers.max():.4g}: {some}{more}"


def _first(value: Any) -> Any:
    """The first of what is not a list, within lists."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return value


def _are_records(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _is_written(value: Any) -> bool:
    """Whether this can stand in a cell of a table."""
    if isinstance(value, Mapping):
        return all(map(_is_written, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_written, value))
    return value is None or isinstance(value, (str, int, float, np.generic))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_score(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1
