import datetime
import json
from typing import Any

import numpy as np
import pytest

from tests.clients.fake import fake, ints, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors

TABLE = {"a": ["1", "2"], "b": ["x", "y"]}


def answer(request: Request) -> Tensors:
    """Of each query its own text as the answer, and as many cells as it is long, two at most."""
    queries = sent(request, "QUERY")
    counts = [[min(2, len(query)) for query in row] for row in queries]
    return {
        "ANSWER": text(*[[f"SUM > {query}" for query in row] for row in queries]),
        "COORDINATES": ints(*[[[[0, 1], [1, 0]] for _ in row] for row in queries]),
        "CELLS": text(*[[["x", "2"] for _ in row] for row in queries]),
        "CELL_COUNT": ints(*counts),
        "AGGREGATOR": text(*[["SUM"] * len(row) for row in queries]),
        "COUNT": ints(*[[len(row)] for row in queries]),
    }


def written(request: Request) -> Tensors:
    """As a model that writes its answers."""
    one = answer(request)
    return {
        **one,
        "COORDINATES": one["COORDINATES"][:, :, :0],
        "CELLS": one["CELLS"][:, :, :0],
        "CELL_COUNT": np.full_like(one["CELL_COUNT"], -1),
        "AGGREGATOR": np.full_like(one["AGGREGATOR"], b""),
    }


def result(query: str) -> dict[str, Any]:
    cells = [((0, 1), "x"), ((1, 0), "2")][: len(query)]
    return {
        "answer": f"SUM > {query}",
        "coordinates": [place for place, _ in cells],
        "cells": [cell for _, cell in cells],
        "aggregator": "SUM",
    }


def example(query: Any) -> dict[str, Any]:
    return {"table": TABLE, "query": query}


@pytest.mark.parametrize(
    ("inputs", "arguments", "expected"),
    [
        ([], example("q"), result("q")),
        ([TABLE, "qq"], {}, result("qq")),
        ([TABLE], {"query": "q"}, result("q")),
        ([TABLE, ["q"]], {}, result("q")),
        ([TABLE, ("q", "qq")], {}, [result("q"), result("qq")]),
        ([example("q")], {}, result("q")),
        ([example(["q", "qq"])], {}, [result("q"), result("qq")]),
        ([[example("q")]], {}, result("q")),
        ([[example(["q", "qq"])]], {}, [result("q"), result("qq")]),
        ([[example("q"), example(["q", "qq"])]], {}, [result("q"), [result("q"), result("qq")]]),
        ([], {"table": [example("q"), example("qq")]}, [result("q"), result("qq")]),
    ],
)
def test_every_way_to_ask(inputs: list[Any], arguments: dict[str, Any], expected: Any) -> None:
    ask, _ = fake("table-question-answering", answer)
    assert ask(*inputs, **arguments) == expected


def test_a_generator_of_examples() -> None:
    ask, transport = fake("table-question-answering", answer)
    assert list(ask(example(query) for query in ("q", "qq"))) == [result("q"), result("qq")]
    assert sent(transport.request, "QUERY") == [["q"], ["qq"]]


def test_the_keys_are_in_the_order_of_transformers() -> None:
    ask, _ = fake("table-question-answering", answer)
    assert list(ask(TABLE, "q")) == ["answer", "coordinates", "cells", "aggregator"]
    assert all(type(place) is tuple and type(place[0]) is int for place in ask(TABLE, "q")["coordinates"])


def test_models_that_write_their_answers_give_nothing_else() -> None:
    ask, _ = fake("table-question-answering", written)
    assert ask(TABLE, ["q", "r"]) == [{"answer": "SUM > q"}, {"answer": "SUM > r"}]


def test_models_without_aggregation_name_none() -> None:
    none = {"AGGREGATOR": text([""])}
    ask, _ = fake("table-question-answering", lambda request: {**answer(request), **none})
    assert ask(TABLE, "q") == {"answer": "SUM > q", "coordinates": [(0, 1)], "cells": ["x"]}


class Column:
    def __init__(self, cells: list[Any]) -> None:
        self.cells = cells

    def tolist(self) -> list[Any]:
        return self.cells


class Frame:
    """What a pandas frame looks like, with an index of its own and two columns of one name."""

    columns = ("a", "a", 3)
    index = (7, 5)

    class iloc:  # noqa: N801
        def __class_getitem__(cls, place: tuple[slice, int]) -> Column:
            return [Column([1, 2]), Column(["x", None]), Column([3, 4])][place[1]]

    def __getitem__(self, name: str) -> Any:
        raise AssertionError("a name may be that of two columns")


class NAType:
    """As pandas.NA is called."""


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (TABLE, [["a", ["1", "2"]], ["b", ["x", "y"]]]),
        ({"a": ("1", "2"), 5: np.array([1.5, 2])}, [["a", ["1", "2"]], ["5", [1.5, 2.0]]]),
        ([{"a": "1", "b": "x"}, {"b": "y", "c": 1}], [["a", ["1", None]], ["b", ["x", "y"]], ["c", [None, 1]]]),
        ([["1", "x"], ["2"]], [["0", ["1", "2"]], ["1", ["x", None]]]),
        (Frame(), [["a", [1, 2]], ["a", ["x", None]], ["3", [3, 4]]]),
        (
            {"a": [None, float("nan"), float("inf"), True, np.int64(3), np.float32(0.5), NAType()]},
            [["a", [None, None, "inf", True, 3, 0.5, None]]],
        ),
        ({"a": [datetime.date(2020, 1, 2), "Ü\u2028"]}, [["a", ["2020-01-02", "Ü\u2028"]]]),
    ],
)
def test_tables_as_json(table: Any, expected: list[Any]) -> None:
    ask, transport = fake("table-question-answering", answer)
    ask(table, "q")
    (((data,),)) = sent(transport.request, "TABLE")
    pairs = json.loads(data, object_pairs_hook=lambda pairs: [list(pair) for pair in pairs])
    assert pairs == expected


def test_tables_of_the_caller_stay_as_they_are() -> None:
    ask, _ = fake("table-question-answering", answer)
    mine = {"table": {"a": [1, None]}, "query": ["q", "r"]}
    ask(mine)
    assert mine == {"table": {"a": [1, None]}, "query": ["q", "r"]}


def test_parameters() -> None:
    ask, transport = fake("table-question-answering", answer, sequential=True)
    ask(TABLE, "q", padding=False, truncation="drop_rows_to_fit", max_new_tokens=7, generate_kwargs={"num_beams": 2})
    assert transport.request.parameters == {
        "sequential": True,
        "padding": False,
        "truncation": "drop_rows_to_fit",
        "max_new_tokens": 7,
        "num_beams": 2,
    }


def test_different_numbers_of_queries_are_different_requests() -> None:
    ask, transport = fake("table-question-answering", answer)
    ask([example("q"), example("r"), example(["q", "r"])])
    assert [request.tensors["QUERY"].shape for request in transport.requests] == [(2, 1), (1, 2)]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "`table` cannot be None"),
        ([TABLE], "keys `table` and `query`"),
        ([{"table": TABLE}], "keys `table` and `query`"),
        ([{"table": None, "query": "q"}], "keys `table` and `query`"),
        ([TABLE, ""], "query is empty"),
        ([TABLE, []], "query is empty"),
        ([TABLE, ["q", ""]], "query is empty"),
        ([TABLE, 3], "a query must be a string or a list of strings"),
        ([TABLE, [3]], "a query must be a string"),
        ([{}, "q"], "table is empty"),
        ([{"a": []}, "q"], "table is empty"),
        ([{"a": "text"}, "q"], "column 'a' must be a list of cells"),
        ([{"a": 3}, "q"], "column 'a' must be a list of cells"),
        ([[], "q"], "not list"),
        (["a,b", "q"], "not str"),
    ],
)
def test_refusals(inputs: list[Any], message: str) -> None:
    ask, _ = fake("table-question-answering", answer)
    with pytest.raises(InvalidInput, match=message):
        ask(*inputs)
