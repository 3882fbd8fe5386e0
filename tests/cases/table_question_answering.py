"""Cases of table-question-answering."""

from typing import Any

from tests.cases import REFUSED_TOO, Case

WTQ = "table_question_answering_wtq"
WIKISQL = "table_question_answering_wikisql"
SQA = "table_question_answering_sqa"
LARGE = "table_question_answering_tapex_large"
CASED = "table_question_answering_tapex_cased"
TAPAS = {"wtq": WTQ, "wikisql": WIKISQL, "sqa": SQA}
TAPEX = {"tapex_large": LARGE, "tapex_cased": CASED}
ALL = {**TAPAS, **TAPEX}

REPOSITORIES = {
    "Repository": ["Transformers", "Datasets", "Tokenizers"],
    "Stars": ["36542", "4512", "3934"],
    "Contributors": ["651", "77", "34"],
    "Programming language": ["Python", "Python", "Rust, Python and NodeJS"],
}
ACTORS = {
    "actors": ["brad pitt", "leonardo di caprio", "george clooney"],
    "age": ["56", "45", "59"],
    "number of movies": ["87", "53", "69"],
    "date of birth": ["7 february 1967", "10 june 1996", "28 november 1967"],
}
PEOPLE = {
    "Name": ["Alice", "the Rabbit", "Mr. Bennet", "Mrs. Long", "Ishmael", "Watson"],
    "Age": ["7", "3", "", "44", "n/a", "  "],
    "Place": ["Wonderland", "", "Longbourn", "Netherfield", "the sea", "Baker Street"],
}
UNICODE = {
    "Élodie\u2019s cafe\u0301": ["Zürich", "東京 — 渋谷", "naïve\tcrème", "👩\u200d🚀 for 5 €"],
    "مرحبا": ["[SEP] <s> [EMPTY]", "Straße", "²", "a\nb"],
}
DATES = {
    "When": ["May 5, 2010", "2010-05-06", "05.06.1999", "August 2007", "1990s"],
    "What": ["1,234.5", "-4", "21st", "three", "1e3"],
    "Year": ["1967", "2006", "1700", "2016", "1850"],
}
BIG = {
    "Name": [f"{name} {number}" for number in range(12) for name in ("Alice", "Watson", "Bennet")],
    "Number": [str(number * 7 % 40) for number in range(36)],
    "Place": ["the sea", "hole", "Baker Street"] * 12,
}
QUESTIONS = [
    "How many stars does the transformers repository have?",
    "What is the sum of all?",
    "How many?",
    "And the average number?",
    "Which has more than 50 and was born after 1990?",
    "first of them",
]


def ask(table: Any, query: Any, **parameters: Any) -> dict[str, Any]:
    """The arguments of a call."""
    return {"table": table, "query": query, **parameters}


CASES = [
    *(
        Case(f"{name}_{table}", checkpoint, parameters=ask(content, list(QUESTIONS)))
        for name, checkpoint in ALL.items()
        for table, content in (
            ("repositories", REPOSITORIES),
            ("actors", ACTORS),
            ("people", PEOPLE),
            ("unicode", UNICODE),
            ("dates", DATES),
        )
    ),
    *(
        Case(f"{name}_{table}_sequential", checkpoint, parameters=ask(content, list(QUESTIONS), sequential=True))
        for name, checkpoint in TAPAS.items()
        for table, content in (("repositories", REPOSITORIES), ("actors", ACTORS), ("people", PEOPLE), ("dates", DATES))
    ),
    *(Case(f"{name}_one", checkpoint, parameters=ask(ACTORS, QUESTIONS[4])) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_big", checkpoint, parameters=ask(BIG, QUESTIONS[1:3]), note="rows are dropped")
        for name, checkpoint in TAPAS.items()
    ),
    Case("positional", WTQ, ACTORS, {"query": QUESTIONS[0]}),
    Case("list_of_one_query", WTQ, parameters=ask(ACTORS, [QUESTIONS[1]]), note="a list of one gives its answer bare"),
    Case("sequential_one", WTQ, parameters=ask(ACTORS, QUESTIONS[1], sequential=True)),
    Case("sequential_of_constructor", SQA, parameters=ask(ACTORS, QUESTIONS[:3]), init={"sequential": True}),
    Case("sequential_false", SQA, parameters=ask(ACTORS, QUESTIONS[:3], sequential=False)),
    Case("dict", WTQ, ask(ACTORS, QUESTIONS[0])),
    Case("dict_of_queries", WTQ, ask(ACTORS, QUESTIONS[:2])),
    Case("list_of_dicts", WTQ, [ask(ACTORS, QUESTIONS[0]), ask(REPOSITORIES, QUESTIONS[1])]),
    Case("list_of_dicts_of_queries", WTQ, [ask(ACTORS, QUESTIONS[:2]), ask(PEOPLE, QUESTIONS[1])]),
    Case("list_of_one_dict", WTQ, [ask(ACTORS, QUESTIONS[0])], note="a list of one gives its answer bare"),
    Case("list_of_dicts_sequential", SQA, [ask(ACTORS, QUESTIONS[:3]), ask(PEOPLE, QUESTIONS)], {"sequential": True}),
    Case("list_of_dicts_tapex", CASED, [ask(ACTORS, QUESTIONS[:2]), ask(PEOPLE, QUESTIONS[1])]),
    Case(
        "rows",
        WTQ,
        parameters=ask([{"a": "Alice", "b": "7"}, {"a": "Watson", "b": "30"}], QUESTIONS[1]),
        note="a table as a list of rows",
    ),
    *(
        Case(f"padding_{padding}", WTQ, parameters=ask(ACTORS, QUESTIONS[4], padding=padding))
        for padding in (True, False, "longest", "max_length", "do_not_pad")
    ),
    *(
        Case(
            f"wikisql_padding_{padding}",
            WIKISQL,
            parameters=ask(REPOSITORIES, QUESTIONS[:3], padding=padding),
            note="padding counts: it is among what the model weighs as no column at all",
        )
        for padding in ("longest", "max_length")
    ),
    Case("padding_max_length_queries", WTQ, parameters=ask(ACTORS, QUESTIONS[:3], padding="max_length")),
    *(
        Case(f"truncation_{truncation}", WTQ, parameters=ask(BIG, QUESTIONS[4], truncation=truncation))
        for truncation in (True, False, "drop_rows_to_fit", "do_not_truncate")
    ),
    Case(
        "truncation_unknown",
        WTQ,
        parameters=ask(BIG, QUESTIONS[4], truncation="longest_first"),
        refused="truncation",
        note=REFUSED_TOO,
    ),
    Case(
        "too_large",
        SQA,
        parameters=ask(BIG, QUESTIONS[4], truncation=False),
        refused="truncation",
        note="the oracle fails inside the model: more tokens than positions",
    ),
    *(
        Case(f"{name}_truncation_{truncation}", checkpoint, parameters=ask(BIG, QUESTIONS[:2], truncation=truncation))
        for name, checkpoint in TAPEX.items()
        for truncation in (True, "longest_first", "only_first")
    ),
    *(
        Case(
            f"{name}_too_large",
            checkpoint,
            parameters=ask(BIG, QUESTIONS[0]),
            refused="truncation",
            note="the oracle fails inside the model: more tokens than positions",
        )
        for name, checkpoint in TAPEX.items()
    ),
    Case("tapex_padding", LARGE, parameters=ask(ACTORS, QUESTIONS[1], padding="max_length")),
    Case("tapex_sequential", CASED, parameters=ask(ACTORS, QUESTIONS[:2], sequential=True), note="without effect"),
    Case(
        "tapex_integers",
        LARGE,
        parameters=ask({"who": ["Alice", "the Rabbit"], "age": [7, 3]}, QUESTIONS[1]),
        note="TAPEX takes them as they are",
    ),
    Case(
        "tapex_long_cells",
        LARGE,
        parameters=ask({"a": ["Alice was beginning to get very tired of sitting by her sister on the bank"]}, "What?"),
    ),
    Case(
        "numbers",
        WTQ,
        parameters=ask({"who": ["Alice", "the Rabbit"], "age": [7, 3.5]}, "first of them"),
        expected={"answer": "3.5", "coordinates": [(1, 1)], "cells": ["3.5"], "aggregator": "NONE"},
        note="a TypeError there: cells are read as texts",
    ),
    Case("empty_table", WTQ, parameters=ask({"a": []}, "How many?"), refused="table is empty", note=REFUSED_TOO),
    Case("no_table", WTQ, parameters={"query": "How many?"}, refused="table", note=REFUSED_TOO),
    Case("empty_query", WTQ, parameters=ask(ACTORS, ""), refused="query is empty", note=REFUSED_TOO),
    Case("no_query", WTQ, parameters={"table": ACTORS}, refused="query", note=REFUSED_TOO),
    Case("ragged", WTQ, parameters=ask({"a": ["1"], "b": ["1", "2"]}, "How many?"), refused="cells", note=REFUSED_TOO),
]
