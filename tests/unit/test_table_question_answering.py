"""Table question answering: tables as JSON, their numbers and dates, what is left of large ones, answers in turn."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers.models.tapas import tokenization_tapas

from python_backend import table_values, tables
from python_backend.parameters import InvalidInput
from python_backend.stage import Tensors
from python_backend.tables import Limits, Table
from python_backend.tasks import table_question_answering
from python_backend.tasks.table_question_answering import aggregation_labels, selected
from tests.cases.table_question_answering import ACTORS, BIG, DATES, PEOPLE, QUESTIONS, REPOSITORIES, UNICODE
from tests.unit.ensemble import Ensemble, Sent, lists, text
from tests.unit.ensembles import InstalledEnsembles, changed

TASK = "table_question_answering"
TAPAS, TAPEX = ("wtq", "wikisql", "sqa"), ("tapex_large", "tapex_cased")
TABLES: list[dict[str, list[Any]]] = [ACTORS, BIG, DATES, PEOPLE, REPOSITORIES, UNICODE]
LIMITS = Limits(1000, 20)


@pytest.fixture(scope="module")
def ensembles(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> InstalledEnsembles:
    return InstalledEnsembles(TASK, checkpoints, tmp_path_factory.mktemp("repository"), max_seconds="30")


@pytest.fixture(scope="module")
def wtq(ensembles: InstalledEnsembles) -> Ensemble:
    return ensembles["wtq"]


def sent(*items: tuple[Any, list[str]]) -> Tensors:
    contents, queries = zip(*items, strict=True)
    return {"TABLE": text(*map(json.dumps, contents)), "QUERY": lists(*queries)}


Answer = tuple[str, list[list[int]], list[str], str]


def answers(result: Any, item: int = 0) -> list[Answer]:
    """The answers to an item's queries: text, coordinates, cells and aggregator."""
    if isinstance(result, Exception):
        raise result
    found = []
    for query in range(result["COUNT"][item, 0]):
        count = max(0, int(result["CELL_COUNT"][item, query]))
        cells = [cell.decode() for cell in result["CELLS"][item, query, :count]]
        answer, aggregator = (result[name][item, query].decode() for name in ("ANSWER", "AGGREGATOR"))
        found.append((answer, result["COORDINATES"][item, query, :count].tolist(), cells, aggregator))
    return found


def ask(ensemble: Ensemble, table: Any, *queries: str, **parameters: Any) -> list[Answer]:
    return answers(ensemble(sent((table, list(queries))), **parameters))


# Tables.


def test_cells_are_texts() -> None:
    data = (
        b'{"a": ["x", 3, 3.10, 1e5], "b": [null, NaN, true, Infinity], "a": ["", "\\u00dc", -0, 123456789012345678901]}'
    )
    assert tables.read(data, LIMITS) == Table(
        ["a", "b", "a"],
        [["x", "", ""], ["3", "", "Ü"], ["3.10", "True", "-0"], ["1e5", "Infinity", "123456789012345678901"]],
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b'{"a": ["1"]', "not JSON"),
        (b"\xff", "not valid Unicode"),
        (b'{"a": ["\\ud800"]}', "not valid Unicode"),
        (b'{"\\udfff": ["x"]}', "not valid Unicode"),
        (b"[" * 990, "nested too deeply|not JSON"),
        (b'{"a":' * 190, "nested too deeply|not JSON"),
        (b"[]", "must be a JSON object of lists"),
        (b'"a"', "must be a JSON object of lists"),
        (b"null", "must be a JSON object of lists"),
        (b'{"a": "x"}', "must be a JSON object of lists"),
        (b'{"a": {"0": "x"}}', "must be a JSON object of lists"),
        (b'{"a": ["x", ["y"]]}', "column 'a': a cell must be"),
        (b'{"a": ["x", {"y": 1}]}', "column 'a': a cell must be"),
        (b'{"a": ["x"], "b": ["x"], "c": ["x", "y"]}', "ragged: column 'c' has 2 cells, and column 'a' 1"),
        (b"{}", "table is empty"),
        (b'{"a": [], "b": []}', "table is empty"),
        (b'{"a": [%s1]}' % (b"1," * 20), "21 cells; this deployment takes 20"),
        (b'{"a": ["%s"]}' % (b"x" * 1000), r"1,011 bytes; this deployment takes 1,000 \(max_table_bytes\)"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        tables.read(data, LIMITS)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b'{"a": [' + b"9" * 100_000 + b"]}"])
def test_bombs_are_refused_or_read(data: bytes) -> None:
    try:
        table = tables.read(data, Limits(10**6, 10))
    except InvalidInput as error:
        assert "deep" in str(error) or "JSON" in str(error)
    else:
        assert table.rows == [["9" * 100_000]]


# Numbers and dates.

TEXTS = [
    "1,234.5", "-4", "+7 and -8", "a-9", "12th of May 1999", "21st", "first or second", "three of 3", "7 February 1967",
    "May 5, 2010", "2010-05-06", "05.06.1999", "12-11-1987", "August 2007", "2006", "1990s", "may", "sep 12", "maybe",
    "1699", "2017", "1700", "Feb 30", "feb 29", "Wednesday, Sep 10", "Wednesday, September 10", "10 km, 20 km; 30km",
    "1 2 3 4 5 6", "1e5", "0x1f", "inf nan infinity", "²", "٣", "v1.2.3", "$3,000.50", "5%", ".5", "5.", "a_1_b", "",
    "2010-13-45", "13 of june", "june 13 2001 and 2002", "1967 1968", "a\tb\n3", "99999999999999999999", "1" * 400,
    "10 june 1996 to 12 june 1996", "the twelfth of zero", "1,2,3", "1,234,567,89",
]  # fmt: skip


def theirs(string: str) -> list[Any]:
    spans = tokenization_tapas.parse_text(tokenization_tapas.normalize_for_match(string))
    found = [value for span in spans for value in span.values]
    return [
        value.float_value if value.date is None else (value.date.year, value.date.month, value.date.day)
        for value in found
    ]


@pytest.mark.parametrize("string", TEXTS)
def test_numbers_and_dates_are_those_of_transformers(string: str) -> None:
    assert list(table_values.values(string)) == theirs(string)


def test_numbers_and_dates_of_any_texts_are_those_of_transformers() -> None:
    chance = random.Random(0)
    words = " ".join(TEXTS).replace("fifth", "").split() + list(",.-+$%")
    for _ in range(500):
        string = chance.choice(["", " "]).join(chance.choice(words) for _ in range(chance.randint(1, 8)))
        assert list(table_values.values(string)) == theirs(string), string


def test_long_texts_are_not_remembered() -> None:
    read: list[str] = []
    remember = table_values.cached(read.append)
    for string in ("a", "a", "b" * 1_000, "b" * 1_000):
        remember(string)
    assert [len(string) for string in read] == [1, 1_000, 1_000]


def test_the_fifth_is_misspelled_as_in_4_48() -> None:
    assert table_values.values("the fith and the fifth") == (5.0,)


def test_many_numbers_do_not_take_for_ever() -> None:
    assert len(table_values.values("1 " * 20_000)) == 20_000  # four seconds by transformers' own


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "x", "3 4", "5"], {0: 1.0, 2: 3.0, 3: 5.0}),
        (["1", "x", "y", "5"], {}),
        (["may 1967", "1968", "x", "june 1 1969"], {0: (1967.0, 5.0, None), 1: (1968.0, None, None)}),
        (["", ""], {}),
        (["2000", "2001"], {0: (2000.0, None, None), 1: (2001.0, None, None)}),  # numbers too, but dates go first
    ],
)
def test_a_column_has_values_where_enough_of_its_cells_have_one(cells: list[str], expected: dict[int, Any]) -> None:
    found = table_values.column(cells)
    assert {row: value for row, value in found.items() if row in expected} == expected
    assert bool(found) == bool(expected)


def test_ranks_count_equal_values_once() -> None:
    assert table_values.ranks({0: 5.0, 2: 3.0, 3: 5.0, 4: 9.0}) == {0: (2, 2), 2: (1, 3), 3: (2, 2), 4: (3, 1)}
    assert table_values.ranks({0: (1967.0, 5.0, None), 1: (1966.0, 7.0, 3.0)}) == {0: (2, 1), 1: (1, 2)}
    assert table_values.ranks({0: (1967.0, None, None), 1: (None, 7.0, None)}) == {}
    assert table_values.ranks({}) == {}


def test_relations_are_those_of_all_values_of_the_question() -> None:
    those: dict[int, Any] = {0: 5.0, 1: 7.0, 3: 9.0}
    assert table_values.relations((7.0,), those) == {0: 4, 1: 1, 3: 2}
    assert table_values.relations((7.0, 5.0), those) == {0: 5, 1: 3, 3: 2}
    assert not any(table_values.relations(((1967.0, None, None),), those).values())
    assert not any(table_values.relations((), those).values())


# Tokens of TAPAS.


def test_cells_are_cut_before_rows_go(wtq: Ensemble) -> None:
    tokenizer = wtq.preprocess.tapas
    question, rows = "How many?", [["Alice was beginning to get tired", str(number)] for number in range(60)]
    lengths = []
    for count in (1, 5, 10, 30, 60):
        table = Table(["what", "n"], rows[:count])
        (whole,) = tokenizer.encode(table, [question], truncate=False)
        (cut,) = tokenizer.encode(table, [question], truncate=True)
        assert len(cut.ids) <= 128
        kept = cut.types[cut.types[:, 0] == 1]
        if len(whole.ids) <= 128:
            assert np.array_equal(whole.ids, cut.ids) and np.array_equal(whole.types[:, :3], cut.types[:, :3])
        lengths.append((int(kept[:, 2].max()), int(np.bincount(kept[:, 2] * 2 + kept[:, 1])[3:].max())))
    assert [rows for rows, _ in lengths[:4]] == [1, 5, 10, 30]
    assert lengths[4][0] < 60 and [longest for _, longest in lengths] == sorted([n for _, n in lengths], reverse=True)


@pytest.mark.parametrize("trim", [-1, 0, 1, 3])
@pytest.mark.parametrize("budget", [0, 3, 9, 20, 50, 500])
def test_what_fits_is_what_trying_finds(ensembles: InstalledEnsembles, budget: int, trim: int) -> None:
    tokenizer = ensembles["wtq"].preprocess.tapas
    table = tokenizer.read(Table(list(PEOPLE), [list(row) for row in zip(*PEOPLE.values(), strict=True)]))
    before = tokenizer.cell_length
    tokenizer.cell_length = trim
    try:
        assert tokenizer.fit(table, 6, budget) == tried(table, 6, budget, trim)
    finally:
        tokenizer.cell_length = before


def tried(table: Any, rows: int, budget: int, trim: int) -> tuple[int, int]:
    """`_get_truncated_table_rows` and `_get_max_num_tokens` of transformers, in its own steps."""
    longest = min(table.longest, trim) if trim >= 0 else table.longest
    while True:
        length = 0
        for length in range(longest + 1):
            if np.count_nonzero((table.rows <= rows) & (table.begins < length + 1)) > budget:
                break
        too_small = length < longest and (trim >= 0 or length == 0)
        if not too_small:
            return rows, length or 1
        rows -= 1
        if rows < 1:
            return rows, 1


def test_rows_that_the_model_cannot_number_go_too(wtq: Ensemble) -> None:
    table = {"n": [str(number) for number in range(90)]}
    result = wtq(sent((table, ["How many?"])))
    assert result["token_type_ids"][..., 2].max() == 63
    assert result["token_type_ids"][..., 4:6].max() == 63  # ranks, of which there are 90
    assert answers(result)
    with pytest.raises(InvalidInput, match=r"90 rows; the model takes 63.*truncation"):
        ask(wtq, table, "How many?", truncation=False)
    with pytest.raises(InvalidInput, match="64 columns; the model takes 63"):
        ask(wtq, {str(number): ["x"] for number in range(64)}, "How many?")


def test_too_many_tokens_are_refused(ensembles: InstalledEnsembles) -> None:
    assert ask(ensembles["wtq"], BIG, "How many?", truncation="do_not_truncate")  # positions start anew in each cell
    with pytest.raises(InvalidInput, match=r'tokens; 128 are taken here.*truncation="drop_rows_to_fit"'):
        ask(ensembles["sqa"], BIG, "How many?", truncation="do_not_truncate")
    with pytest.raises(InvalidInput, match="Shorten the question"):
        ask(ensembles["sqa"], BIG, "How many? " * 60)


@pytest.mark.parametrize("name", TAPAS)
def test_numbers_and_nothing_are_cells(ensembles: InstalledEnsembles, name: str) -> None:
    numbers = {"who": ["Alice", None, "Watson"], "age": [7, 3.5, None]}
    words = {"who": ["Alice", "", "Watson"], "age": ["7", "3.5", ""]}
    assert ask(ensembles[name], numbers, *QUESTIONS) == ask(ensembles[name], words, *QUESTIONS)


def test_a_table_without_a_token_has_no_answer(wtq: Ensemble) -> None:
    ((answer, coordinates, cells, _),) = ask(wtq, {"": ["", ""]}, "How many?")
    assert answer.rpartition("> ")[2] == "" and coordinates == cells == []


def test_columns_of_one_name_are_two_columns(wtq: Ensemble) -> None:
    data = {**sent((ACTORS, QUESTIONS)), "TABLE": text('{"a": ["1", "2"], "a": ["3", "4"], "b": ["5", "6"]}')}
    columns = {place[1] for answer in answers(wtq(data)) for place in answer[1]}
    assert columns and wtq(data)["token_type_ids"][..., 1].max() == 3


# Cells out of logits.


def test_a_cell_is_selected_by_the_mean_of_its_tokens() -> None:
    # question, header, then cells (0, 0) of two tokens, (1, 0), and (0, 1)
    types = np.zeros((6, 7), np.int64)
    types[1:, :3] = [[1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 2], [1, 2, 1]]
    logits = np.array([9, 9, 4, -3.9, -1, 0.1], np.float32)
    assert selected(logits, types, 0.5).tolist() == [[0, 0], [0, 1]]
    assert selected(-logits, types, 0.5).tolist() == [[1, 0]]
    assert selected(np.full(6, -np.inf, np.float32), types, 0.5).tolist() == []
    assert selected(np.zeros(6, np.float32), types, 0.5).tolist() == []  # half is not enough


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"num_aggregation_labels": 2, "aggregation_labels": {"0": "NONE", "1": "SUM"}}, {0: "NONE", 1: "SUM"}),
        ({"num_aggregation_labels": 2, "aggregation_labels": ["NONE", "SUM"]}, {0: "NONE", 1: "SUM"}),
        ({"num_aggregation_labels": 0, "aggregation_labels": {"0": "NONE"}}, {}),
        ({"num_aggregation_labels": 2}, {}),
        ({}, {}),
    ],
)
def test_aggregation_has_numbers_and_names(config: dict[str, Any], expected: dict[int, str]) -> None:
    assert aggregation_labels(config) == expected


def test_made_checkpoints_have_answers_of_all_kinds(ensembles: InstalledEnsembles) -> None:
    for name in TAPAS:
        found = [answer for table in TABLES for answer in ask(ensembles[name], table, *QUESTIONS)]
        assert {len(cells) for _, _, cells, _ in found} >= {1, 2, 3}
        aggregators = {aggregator for *_, aggregator in found}
        assert aggregators == ({""} if name == "sqa" else {"NONE", "SUM", "AVERAGE", "COUNT"})
        in_turn = [answer for table in TABLES for answer in ask(ensembles[name], table, *QUESTIONS, sequential=True)]
        assert sum(one != other for one, other in zip(found, in_turn, strict=True)) > 6


# Batches.


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("name", TAPAS)
def test_tables_of_one_request_answer_as_they_do_alone(
    ensembles: InstalledEnsembles, name: str, sequential: bool
) -> None:
    items = [(table, QUESTIONS[: 1 + at]) for at, table in enumerate(TABLES)]
    result = ensembles[name](sent(*items), sequential=sequential)
    assert result["COUNT"].ravel().tolist() == [1, 2, 3, 4, 5, 6]
    for at, (table, queries) in enumerate(items):
        assert answers(result, at) == ask(ensembles[name], table, *queries, sequential=sequential)
    behind = np.arange(6) >= result["COUNT"]
    assert (result["COORDINATES"][behind] == -1).all() and not result["ANSWER"][behind].any()


@pytest.mark.parametrize("name", [*TAPAS, *TAPEX])
def test_requests_that_run_together_answer_as_they_do_alone(ensembles: InstalledEnsembles, name: str) -> None:
    some = [ACTORS, UNICODE, PEOPLE]
    settings: list[dict[str, Any]] = [{}, {"sequential": True}, {"padding": "max_length"}, {"max_new_tokens": 5}]
    requests: list[Sent] = [
        (sent((table, QUESTIONS[: 2 + at])), {"num_beams": 1, **setting})
        for at, table in enumerate(some)
        for setting in settings
    ]
    for request, together in zip(requests, ensembles[name].batch(*requests), strict=True):
        assert answers(together) == answers(ensembles[name](request[0], **request[1]))


def test_the_questions_of_all_tables_run_in_turns(wtq: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    engine = wtq.model.engine
    run = type(engine).run

    def counted(passes: list[Any]) -> Any:
        turns.append(sum(len(batch.indices) for batch in passes))
        return run(engine, passes)

    monkeypatch.setattr(engine, "run", counted)
    wtq.batch(
        (sent((ACTORS, QUESTIONS[:3])), {"sequential": True}),
        (sent((PEOPLE, QUESTIONS[:2]), (DATES, QUESTIONS[:1])), {"sequential": True}),
        (sent((PEOPLE, QUESTIONS[:4])), {}),
    )
    assert turns == [1 + 2 + 4, 1 + 1, 1]


def test_a_later_question_sees_the_answer_before_it(wtq: Ensemble) -> None:
    first = ask(wtq, ACTORS, QUESTIONS[1])[0][1]
    seen: list[Any] = []
    forward = wtq.model.engine.forward

    def remembered(batch: Any) -> Any:
        seen.append(batch.inputs["token_type_ids"])
        return forward(batch)

    wtq.model.engine.forward = remembered
    try:
        ask(wtq, ACTORS, QUESTIONS[1], QUESTIONS[2], sequential=True)
    finally:
        del wtq.model.engine.forward
    before, (types,) = seen
    assert first and not before[..., 3].any()
    cells = {(int(row) - 1, int(column) - 1) for _, column, row, label, *_ in types if label}
    assert cells == set(map(tuple, first))


def test_padding_is_that_of_the_call_where_it_counts(ensembles: InstalledEnsembles) -> None:
    wikisql = ensembles["wikisql"]
    alone = [ask(wikisql, REPOSITORIES, query)[0] for query in QUESTIONS]
    assert ask(wikisql, REPOSITORIES, *QUESTIONS, padding=False) == alone
    assert ask(wikisql, REPOSITORIES, *QUESTIONS) != alone
    assert ask(ensembles["wtq"], REPOSITORIES, *QUESTIONS) == ask(
        ensembles["wtq"], REPOSITORIES, *QUESTIONS, padding="max_length"
    )


def test_a_model_that_selects_from_any_column_answers(ensembles: InstalledEnsembles, tmp_path: Path) -> None:
    before = [ask(ensembles["wtq"], table, *QUESTIONS) for table in TABLES]
    free = Ensemble(TASK, changed(ensembles.folder("wtq"), tmp_path / "free", select_one_column=False))
    found = [answer for table in TABLES for answer in ask(free, table, *QUESTIONS)]
    assert any(len({column for _, column in places}) > 1 for _, places, _, _ in found)
    assert before == [ask(ensembles["wtq"], table, *QUESTIONS) for table in TABLES]
    assert all(len({column for _, column in places}) <= 1 for those in before for _, places, _, _ in those)


def test_a_bad_item_fails_alone(wtq: Ensemble) -> None:
    good = sent((ACTORS, QUESTIONS[:2]))
    bad: list[Sent] = [
        ({**good, "TABLE": text("[]")}, {}),
        ({**good, "QUERY": lists(["", "x"])}, {}),
        ({**good, "QUERY": lists([""])}, {}),
        ({**good, "QUERY": np.array([[b"\xff"]], object)}, {}),
        ({**good, "QUERY": np.empty((1, 0), object)}, {}),
        ({**good, "QUERY": lists(["x"] * 65)}, {}),
        (good, {"truncation": "only_first"}),
    ]
    results = wtq.batch((good, {}), *bad, (good, {}))
    assert answers(results[0]) == answers(results[-1])
    for failure, message in zip(
        results[1:-1],
        ["JSON object", "query is empty", "query is empty", "UTF-8", "query is empty", "max_queries", "drops rows"],
        strict=True,
    ):
        assert isinstance(failure, InvalidInput) and message in str(failure)


def test_an_empty_query_at_the_end_is_padding(wtq: Ensemble) -> None:
    result = wtq({"TABLE": text(json.dumps(ACTORS)), "QUERY": lists([QUESTIONS[1], ""])})
    assert result["COUNT"].tolist() == [[1]] and answers(result) == ask(wtq, ACTORS, QUESTIONS[1])


# Models that read the table as text.


def read(ensemble: Ensemble, table: Any, *queries: str, **parameters: Any) -> list[str]:
    """What the encoder reads."""
    result = ensemble.preprocess.process(
        table_question_answering.Request(sent((table, list(queries))), ensemble.parameters.parse(parameters))
    )
    backend = ensemble.preprocess.tapex.backend
    return [
        backend.decode(ids[mask == 1].tolist(), skip_special_tokens=True)
        for ids, mask in zip(result["input_ids"][0], result["attention_mask"][0], strict=True)
    ]


def test_a_table_is_written_out(ensembles: InstalledEnsembles) -> None:
    table = {"Name": ["Alice", "Mr. Bennet"], "Age": [7, None]}
    assert read(ensembles["tapex_cased"], table, "Who?", "What?") == [
        f"{query} col : Name | Age row 1 : Alice | 7 row 2 : Mr. Bennet |" for query in ("Who?", "What?")
    ]
    assert read(ensembles["tapex_large"], table, "Who?") == [
        " who? col : name | age row 1 : alice | 7 row 2 : mr. bennet |"
    ]


def test_long_cells_are_cut(ensembles: InstalledEnsembles) -> None:
    cased = ensembles["tapex_cased"]
    (found,) = read(cased, {"a": ["Alice was beginning to get very tired", "x"]}, "Who?")
    cell = found.removeprefix("Who? col : a row 1 : ").removesuffix(" row 2 : x")
    backend = cased.preprocess.tapex.backend
    assert "Alice was beginning to get very tired".startswith(cell)
    assert len(backend.encode(cell, add_special_tokens=False)) == 5


@pytest.mark.parametrize("name", TAPEX)
def test_rows_are_dropped_until_the_rest_fits(ensembles: InstalledEnsembles, name: str) -> None:
    ensemble = ensembles[name]
    rows = len(BIG["Name"])
    (found,) = read(ensemble, BIG, "Who?", truncation="drop_rows_to_fit")
    kept = found.count("row ")
    assert 1 < kept < rows
    for count, fits in ((kept, True), (kept + 1, False)):
        fewer = {name: cells[:count] for name, cells in BIG.items()}
        if fits:
            assert read(ensemble, fewer, "Who?") == [found]
        else:
            with pytest.raises(InvalidInput, match=r'tokens; 256 are taken here.*truncation="drop_rows_to_fit"'):
                read(ensemble, fewer, "Who?")
    with pytest.raises(InvalidInput, match="Shorten the question"):
        read(ensemble, BIG, "Who? " * 300, truncation="drop_rows_to_fit")


def test_the_end_is_cut_where_the_request_says_so(ensembles: InstalledEnsembles) -> None:
    cased = ensembles["tapex_cased"]
    (found,) = read(cased, BIG, "Who?", truncation=True)
    assert found.startswith("Who? col : Name | Number | Place row 1 : Alice 0 | 0 | the sea row 2 :")
    assert len(cased.preprocess.tapex.backend.encode(found)) == 256
    with pytest.raises(InvalidInput, match="truncation"):
        read(cased, BIG, "Who?", truncation="only_second")


def test_generation_parameters_count(ensembles: InstalledEnsembles) -> None:
    cased = ensembles["tapex_cased"]
    ((whole, _, cells, aggregator),) = ask(cased, ACTORS, QUESTIONS[0])
    ((short, *_),) = ask(cased, ACTORS, QUESTIONS[0], max_new_tokens=4)
    assert cells == [] and aggregator == "" and 0 < len(short) < len(whole) and whole.startswith(short.rstrip("\ufffd"))
    assert ask(cased, ACTORS, QUESTIONS[0], num_beams=4) != [(whole, [], [], "")]
    with pytest.raises(InvalidInput, match="num_return_sequences"):
        ask(cased, ACTORS, QUESTIONS[0], num_return_sequences=2)


def test_models_that_generate_select_no_cells(ensembles: InstalledEnsembles) -> None:
    result = ensembles["tapex_large"](sent((ACTORS, QUESTIONS[:2]), (PEOPLE, QUESTIONS[:1])), max_new_tokens=3)
    assert result["COUNT"].tolist() == [[2], [1]] and (result["CELL_COUNT"] == -1).all()
    assert result["COORDINATES"].shape == (2, 2, 0, 2) and result["CELLS"].shape == (2, 2, 0)
    assert result["ANSWER"][1].tolist()[1] == b"" and all(result["ANSWER"][0])
