"""TABLE: a table as JSON, {"column": ["cell", ...], ...}, to rows of texts, with limits. No pandas."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from python_backend.parameters import InvalidInput

FORM = 'a JSON object of lists of cells, {"column": ["cell", ...], ...}'


class Limits(NamedTuple):
    """What one table may hold."""

    bytes: int
    """Of its JSON."""
    cells: int


class Table(NamedTuple):
    """Cells as texts: numbers as they were written, nothing at all for null."""

    header: list[str]
    rows: list[list[str]]


class Object(NamedTuple):
    """A JSON object."""

    pairs: list[tuple[str, Any]]
    """Two columns may have one name."""


def read(data: bytes, limits: Limits) -> Table:
    """The table in a TABLE's bytes. InvalidInput where there is none, or one of more than `limits`."""
    if len(data) > limits.bytes:
        raise InvalidInput(
            f"TABLE has {len(data):,} bytes; this deployment takes {limits.bytes:,} (max_table_bytes). Send fewer rows."
        )
    parsed = _parse(data)
    if not isinstance(parsed, Object) or not all(isinstance(cells, list) for _, cells in parsed.pairs):
        raise InvalidInput(f"TABLE must be {FORM}.")
    columns = parsed.pairs
    counts = {len(cells): name for name, cells in reversed(columns)}
    if len(counts) > 1:
        (one, its), (other, others) = list(counts.items())[:2]
        raise InvalidInput(
            f"TABLE is ragged: column {_short(its)} has {one:,} cells, and column {_short(others)} {other:,}."
        )
    if not sum(counts):
        raise InvalidInput("table is empty: TABLE needs a column with a cell.")
    if (cells := len(columns) * sum(counts)) > limits.cells:
        raise InvalidInput(
            f"TABLE has {cells:,} cells; this deployment takes {limits.cells:,} (max_table_cells). Send fewer rows."
        )
    texts = [[_text(cell, name) for cell in cells] for name, cells in columns]
    return Table([name for name, _ in columns], [list(row) for row in zip(*texts, strict=True)])


def _parse(data: bytes) -> Any:
    try:
        parsed = json.loads(
            data.decode(), object_pairs_hook=Object, parse_int=str, parse_float=str, parse_constant=_constant
        )
        json.dumps(parsed, ensure_ascii=False).encode()  # halves of surrogate pairs cannot be written as UTF-8
    except UnicodeError as error:
        raise InvalidInput(f"TABLE is not valid Unicode: {error}.") from None
    except RecursionError:
        raise InvalidInput(f"TABLE is nested too deeply: it must be {FORM}.") from None
    except ValueError as error:
        raise InvalidInput(f"TABLE is not JSON ({error}): it must be {FORM}.") from None
    return parsed


def _constant(name: str) -> str | None:
    """What JSON does not know but Python writes: a frame's missing value is NaN."""
    return None if name == "NaN" else name


def _text(cell: Any, column: str) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell)
    raise InvalidInput(f"TABLE, column {_short(column)}: a cell must be a text, a number, true, false or null.")


def _short(name: str, length: int = 40) -> str:
    return repr(name if len(name) <= length else name[: length - 3] + "...")
