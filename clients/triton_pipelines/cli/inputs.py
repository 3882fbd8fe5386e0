"""What a command line names, as items for a pipeline."""

from __future__ import annotations

import csv
import glob
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import sources
from ..errors import InvalidInput
from ..tasks import find
from ..tasks.audio import AudioTask
from ..tasks.image import ImageTask
from ..tasks.video_classification import VideoClassification

FILES = "a CSV or TSV file (with --column), a .jsonl file with an item a line, or any other with a text a line"


def read(task: str, given: Sequence[str], as_json: bool, files: Sequence[str], columns: Sequence[str]) -> Iterator[Any]:
    """The items, one after another, as they are needed."""
    takes_files = isinstance(find(task), (ImageTask, AudioTask, VideoClassification))
    for each in given:
        if each == "-":
            lines: Iterator[str] = (line.rstrip("\n") for line in sys.stdin if line.strip() or not as_json)
        elif takes_files and not as_json:
            lines = _matching(each)
        else:
            lines = iter([each])
        yield from (_json(line) if as_json else line for line in lines)
    for file in files:
        yield from _items(Path(file), columns)


def _matching(pattern: str) -> Iterator[str]:
    """The files that a pattern fits, for shells that were told not to look; or what is no pattern."""
    if sources.is_url(pattern) or sources.is_file(pattern) or not glob.has_magic(pattern):
        return iter([pattern])
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (patterns may be absolute)
    if not found:
        raise InvalidInput(f"no file fits {pattern}")
    return iter(found)


def _items(file: Path, columns: Sequence[str]) -> Iterator[Any]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            if file.suffix in (".csv", ".tsv"):
                yield from _rows(lines, "\t" if file.suffix == ".tsv" else ",", columns, file)
            elif file.suffix in (".jsonl", ".ndjson"):
                yield from (_json(line) for line in lines if line.strip())
            else:
                yield from (line.rstrip("\r\n") for line in lines)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"cannot read {file}: {error}") from error


def _rows(lines: Any, delimiter: str, columns: Sequence[str], file: Path) -> Iterator[Any]:
    rows = csv.DictReader(lines, delimiter=delimiter)
    there = list(rows.fieldnames or ())
    if not columns or not set(columns) <= set(there):
        raise InvalidInput(f"{file} has the columns {', '.join(there)}: choose with --column")
    for row in rows:
        yield row[columns[0]] if len(columns) == 1 else {name: row[name] for name in columns}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{text[:80]!r} is not JSON: {error}") from error
