"""table-question-answering: questions about a table to the cells that answer them.

    ask = pipeline("table-question-answering")
    ask(table={"Repository": ["Transformers", "Datasets"], "Stars": ["36542", "4512"]}, query="How many stars in all?")
    # {'answer': 'SUM > 36542, 4512', 'coordinates': [(0, 1), (1, 1)], 'cells': ['36542', '4512'], 'aggregator': 'SUM'}
    ask(table, ["How many?", "And of Datasets?"], sequential=True)     # a list of answers
    ask([{"table": table, "query": "How many?"}, ...])                 # also one dict, or a generator

From TableQuestionAnsweringPipeline: a table is a dict of columns, a list of rows (dicts, or lists without names for
columns), or a pandas frame; one query gives a dict and several a list, one table gives its answer bare. Models that
write their answers give {'answer': ...} alone. Differences: cells may be numbers, None or missing, and are read as
texts; the index of a frame is of no effect; generation parameters count.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import InvalidInput
from .base import (
    Inputs,
    Row,
    Settings,
    Shape,
    Task,
    bytes_tensor,
    choice,
    given,
    scalars,
    split,
    text_list,
    text_tensor,
    texts,
)
from .generation import generation_parameters

Columns = list[tuple[str, list[Any]]]


class TableQuestionAnswering(Task):
    name = "table-question-answering"
    inputs = ("TABLE", "QUERY")
    outputs = ("ANSWER", "COORDINATES", "CELLS", "CELL_COUNT", "AGGREGATOR", "COUNT")
    batch_size = 16

    def items(self, table: Any = None, query: Any = None, **parameters: Any) -> Inputs:
        if table is None:
            raise InvalidInput("Keyword argument `table` cannot be None.")
        if query is not None:
            return Inputs([{"table": table, "query": query}], Shape.ONE, parameters)
        call = split(table, parameters)
        if call.shape is Shape.LIST and len(table) == 1:
            return Inputs(table, Shape.ONE, parameters)
        return call

    def parameters(
        self,
        *,
        sequential: bool | None = None,
        padding: Any = None,
        truncation: Any = None,
        generate_kwargs: Mapping[str, Any] | None = None,
        **generation: Any,
    ) -> Settings:
        sent = {
            **generation_parameters(generate_kwargs, generation),
            **given(sequential=sequential, padding=choice(padding), truncation=choice(truncation)),
        }
        return Settings(scalars(sent))

    def encode(self, item: Any, settings: Settings) -> Row:
        if not isinstance(item, Mapping) or item.get("table") is None or item.get("query") is None:
            raise InvalidInput("give a table and a query, or dicts with the keys `table` and `query`")
        queries = text_list(item["query"], "a query")
        if not queries or "" in queries:
            raise InvalidInput("query is empty")
        return {
            "TABLE": bytes_tensor([encoded(columns(item["table"]))]),
            "QUERY": text_tensor(queries, "a query"),
        }

    def decode(self, item: Any, outputs: Row, settings: Settings) -> Any:
        count = int(outputs["COUNT"][0])
        answers = []
        for at in range(count):
            answer: dict[str, Any] = {"answer": outputs["ANSWER"][at].decode()}
            cells = int(outputs["CELL_COUNT"][at])
            if cells >= 0:
                answer["coordinates"] = [tuple(place) for place in outputs["COORDINATES"][at, :cells].tolist()]
                answer["cells"] = texts(outputs["CELLS"][at, :cells])
            if aggregator := outputs["AGGREGATOR"][at].decode():
                answer["aggregator"] = aggregator
            answers.append(answer)
        return answers if count > 1 else answers[0]


def columns(table: Any) -> Columns:
    """The names and cells of a table's columns: those of pandas.DataFrame(table)."""
    if hasattr(table, "iloc") and hasattr(table, "columns"):  # a frame; two columns may have one name
        named = [(name, _cells(table.iloc[:, at], name)) for at, name in enumerate(table.columns)]
    elif isinstance(table, Mapping):
        named = [(name, _cells(cells, name)) for name, cells in table.items()]
    elif isinstance(table, (list, tuple)) and table and all(isinstance(row, Mapping) for row in table):
        names = list(dict.fromkeys(name for row in table for name in row))
        named = [(name, [row.get(name) for row in table]) for name in names]
    elif isinstance(table, (list, tuple)) and table and all(isinstance(row, (list, tuple)) for row in table):
        width = max(map(len, table))
        named = [(at, [row[at] if at < len(row) else None for row in table]) for at in range(width)]
    else:
        raise InvalidInput(
            f"a table is a dict of lists of cells, a list of rows, or a pandas frame, not {type(table).__name__}"
        )
    if not named or not any(cells for _, cells in named):
        raise InvalidInput("table is empty")
    return [(str(name), cells) for name, cells in named]


def encoded(table: Columns) -> bytes:
    """The table as JSON. Two columns of one name are two members of one name."""
    members = (f"{json.dumps(name)}: {json.dumps([_plain(cell) for cell in cells])}" for name, cells in table)
    return f"{{{', '.join(members)}}}".encode()


def _cells(cells: Any, name: Any) -> list[Any]:
    if hasattr(cells, "tolist"):
        cells = cells.tolist()
    if isinstance(cells, (str, bytes, Mapping)) or not isinstance(cells, Iterable):
        raise InvalidInput(f"column {str(name)!r} must be a list of cells, not {type(cells).__name__}")
    return list(cells)


def _plain(cell: Any) -> Any:
    """A cell as JSON knows it: texts, numbers and None; all else by its text."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if cell is None or isinstance(cell, (str, bool, int)):
        return cell
    if isinstance(cell, float):
        return None if math.isnan(cell) else cell if math.isfinite(cell) else str(cell)
    return None if type(cell).__name__ in ("NAType", "NaTType") else str(cell)
