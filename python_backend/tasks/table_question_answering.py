"""Table question answering: a table and questions about it to cells that answer them, or to texts. Follows
TableQuestionAnsweringPipeline.

Two families of models: "tapas" selects cells, and says what to do with them (sum, count ...); all others, TAPEX among
them, read the table as text and generate the answer.

Where this differs from 4.48 on purpose:
* Cells that are no texts, numbers above all, are read as texts (there: TypeError).
* Generation parameters count (there they are ignored).
* TAPEX drops rows to fit (there: ValueError): those at the end.
* TAPAS without select_one_column answers (there: ValueError).
* Ranks above those that TAPAS knows, of tables with hundreds of rows, are its highest rank (there: IndexError).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from python_backend import tables, text, text2text
from python_backend.batching import Rows, grouped, pad
from python_backend.checkpoint import read_json
from python_backend.forward import Forward, Pass, to_numpy
from python_backend.generation_parameters import GENERATION
from python_backend.parameters import Bool, Choice, InvalidInput, Parameters
from python_backend.stage import Request, Result, Stage, Tensors

if TYPE_CHECKING:
    from python_backend.tapas_tokenizer import TapasTokenizer
    from python_backend.tapex_tokenizer import TapexTokenizer

TAPAS_TRUNCATIONS = {
    None: True,
    "true": True,
    "drop_rows_to_fit": True,
    "false": False,
    "do_not_truncate": False,
}
"""Whether TAPAS truncates, by the parameter truncation."""
TAPEX_TRUNCATIONS = {None: "do_not_truncate", "false": "do_not_truncate", "true": "longest_first"}

PARAMETERS = Parameters(
    Bool("sequential", default=False, doc="TAPAS: each question of a table sees the answer to the one before."),
    Choice(
        "truncation",
        choices=("true", "false", "drop_rows_to_fit", "do_not_truncate", "longest_first", "only_first", "only_second"),
        doc="What to do with a table that is too large. Default: TAPAS drops rows, others refuse it.",
    ),
    Choice(
        "padding",
        default="true",
        choices=("true", "false", "longest", "max_length", "do_not_pad"),
        doc="To what the queries of a table are padded. Counts for TAPAS with allow_empty_column_selection alone.",
    ),
    *(parameter for parameter in GENERATION if parameter.name != "num_return_sequences"),
)


def is_tapas(folder: Path) -> bool:
    return read_json(folder, "config.json").get("model_type") == "tapas"


class Preprocess(Stage):
    """TABLE [batch, 1], JSON, and QUERY [batch, n], padded with empty texts, to token ids [batch, n, length]:
    input_ids, attention_mask INT64, and TAPAS's token_type_ids [batch, n, length, 7] INT64 (others: of length 0); and
    padded_length [batch, n] INT32, the tokens that the pipeline pads a query to, since for some models they count.

    Settings:
        max_table_bytes: of the JSON of one table. Default 200,000.
        max_table_cells: of one table. Default 20,000.
        max_queries: about one table. Default 64.
        max_text_bytes: of one query. Default 10,000.
        max_input_tokens: of a question with its table, for models that set no limit themselves: TAPAS counts positions
            anew in each cell. Default 2,048.
    """

    PARAMETERS = PARAMETERS
    tapas: TapasTokenizer | None = None
    tapex: TapexTokenizer | None = None

    def initialize(self, args: dict[str, str]) -> None:
        # As the stages of images do: what transformers has for TAPAS works without these where it finds none.
        for package in ("torch", "pandas"):
            sys.modules.setdefault(package, None)  # type: ignore[arg-type]
        os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
        super().initialize(args)

    def load(self) -> None:
        max_tokens = self.setting("max_input_tokens", 2_048)
        if is_tapas(self.folder):
            from python_backend.tapas_tokenizer import TapasTokenizer

            self.tapas = TapasTokenizer(self.folder, max_tokens)
        else:
            from python_backend.tapex_tokenizer import TapexTokenizer

            self.tapex = TapexTokenizer(self.folder, max_tokens)
        self.limits = tables.Limits(self.setting("max_table_bytes", 200_000), self.setting("max_table_cells", 20_000))
        self.max_queries = self.setting("max_queries", 64)
        self.max_bytes = self.setting("max_text_bytes", 10_000)

    def process(self, request: Request) -> Tensors:
        truncation = request.parameters["truncation"]
        ids: list[np.ndarray] = []
        types: list[np.ndarray] = []
        lengths: list[int] = []
        counts = []
        for data, row in zip(request.tensors["TABLE"][:, 0], request.tensors["QUERY"], strict=True):
            table, questions = tables.read(data, self.limits), self.questions(row)
            counts.append(len(questions))
            first = len(ids)
            if self.tapex:
                ids += self.tapex.encode(table, questions, TAPEX_TRUNCATIONS.get(truncation, truncation))
            elif self.tapas:
                for encoded in self.tapas.encode(table, questions, self.truncates(truncation)):
                    ids.append(encoded.ids)
                    types.append(encoded.types)
            lengths += self.padded([len(each) for each in ids[first:]], request.parameters["padding"])
        tensors = {
            "input_ids": pad(ids),
            "attention_mask": pad([np.ones_like(each) for each in ids]),
            "token_type_ids": pad(types) if types else np.zeros((len(ids), 0, 7), np.int64),
            "padded_length": np.array(lengths, np.int32),
        }
        return grouped(tensors, counts)

    def questions(self, row: np.ndarray) -> list[str]:
        real = row[: count(row)]
        if not len(real) or not all(real):
            raise InvalidInput("query is empty: QUERY needs a text, and empty ones only as padding at the end.")
        if len(real) > self.max_queries:
            raise InvalidInput(
                f"QUERY has {len(real):,} texts; this deployment takes {self.max_queries:,} a table (max_queries)."
            )
        return text.read(real, "QUERY", self.max_bytes)

    def padded(self, lengths: list[int], padding: str) -> list[int]:
        """What the queries of a table with these lengths are padded to."""
        if padding in ("false", "do_not_pad"):
            return lengths
        full = self.tapas.full_length if self.tapas and padding == "max_length" else 0
        return [max([*lengths, full])] * len(lengths)

    def truncates(self, truncation: str | None) -> bool:
        if truncation not in TAPAS_TRUNCATIONS:
            raise InvalidInput(
                f'truncation="{truncation}" is not for TAPAS, which drops rows: send "drop_rows_to_fit" or '
                '"do_not_truncate".'
            )
        return TAPAS_TRUNCATIONS[truncation]


def count(row: np.ndarray) -> int:
    """How many queries a row of QUERY has: empty ones at its end are padding."""
    real = np.flatnonzero(row != b"")
    return int(real[-1]) + 1 if len(real) else 0


class Model(Stage):
    """Token ids to answers, of each question: TAPAS gives coordinates [batch, n, cells, 2] INT32, row and column of
    the selected cells in order, cell_count [batch, n] INT32 of them, and aggregation [batch, n] INT32, what to do with
    them, -1 where the model does not say; others give sequences [batch, n, length] INT32, token ids, padded with -1.
    What the model does not give is empty, and -1 in cell_count and aggregation.

    Settings: those of forward.Forward for TAPAS, and those of text2text.Model for others.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.engine: Stage = CellSelection() if is_tapas(self.folder) else Generation()
        for name in ("name", "folder", "settings", "instances", "device"):
            setattr(self.engine, name, getattr(self, name))
        self.engine.load()

    def process_batch(self, requests: list[Request]) -> list[Result]:
        return self.engine.process_batch(requests)


class CellSelection(Forward):
    """TAPAS. The questions of sequential requests run in turn: all tables' first ones together, then the second."""

    auto_class = "AutoModelForTableQuestionAnswering"
    row_dimensions = 2
    threshold = 0.5

    def load(self) -> None:
        super().load()
        config = self.model.config
        self.aggregates = bool(aggregation_labels(read_json(self.folder, "config.json")))
        if config.allow_empty_column_selection:
            self.pads = False  # but as `passes` says: it counts where the model weighs columns against none at all
        if not config.select_one_column:
            select_from_any_column()

    def process_batch(self, requests: list[Request]) -> list[Result]:
        parts: list[list[Tensors]] = [[] for _ in requests]
        turn = 0
        while True:
            waiting = [at for at, request in enumerate(requests) if turn < turns(request)]
            if not waiting:
                return [joined(each) for each in parts]
            outcomes = super().process_batch([self.part(requests[at], turn, parts[at]) for at in waiting])
            for at, outcome in zip(waiting, outcomes, strict=True):
                if isinstance(outcome, Exception):
                    raise outcome
                parts[at].append(outcome)
            turn += 1

    def part(self, request: Request, turn: int, answered: list[Tensors]) -> Request:
        """What runs of a request in a turn: all of it, or the question whose turn it is, with the answer before it."""
        if not request.parameters["sequential"]:
            return request
        tensors = {name: tensor[:, turn : turn + 1] for name, tensor in request.tensors.items()}
        if answered:
            types = tensors["token_type_ids"] = tensors["token_type_ids"].copy()
            for item, (cells, (number,)) in enumerate(
                zip(answered[-1]["coordinates"][:, 0], answered[-1]["cell_count"], strict=True)
            ):
                types[item, 0, :, PREVIOUS] = labels(types[item, 0], cells[:number])
        return Request(tensors, request.parameters)

    def passes(self, rows: Rows, requests: list[Request]) -> Iterator[Pass]:
        if self.pads:
            yield from super().passes(rows, requests)
            return
        # Each row with the padding that the pipeline gives it, and no other.
        lengths = rows.lengths()
        widths = np.concatenate([request.tensors["padded_length"].ravel() for request in requests])
        origins = [(requests[request], row) for request, row in rows.origins]
        for width in np.unique(widths[lengths > 0]).tolist():
            indices = np.flatnonzero((widths == width) & (lengths > 0))
            for some in np.array_split(indices, -(-len(indices) * width // self.max_batch_tokens)):
                yield Pass(rows.padded(some, width), some, lengths[some], [origins[index] for index in some])

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        logits = to_numpy(outputs.logits)
        types = batch.inputs["token_type_ids"]
        cells = [
            selected(row[:length], types[at, :length], self.threshold)
            for at, (row, length) in enumerate(zip(logits, batch.lengths, strict=True))
        ]
        aggregation = np.full(len(logits), -1, np.int32)
        if self.aggregates:
            aggregation = to_numpy(outputs.logits_aggregation.argmax(dim=-1)).astype(np.int32)
        return {
            "sequences": [np.empty(0, np.int32)] * len(logits),
            "coordinates": cells,
            "cell_count": [np.array(len(each), np.int32) for each in cells],
            "aggregation": list(aggregation),
        }


def select_from_any_column() -> None:
    """Let models that were not trained to select one column alone (select_one_column) answer at all: transformers
    looks for the column in any case, and fails. Others are as they were."""
    from transformers.models.tapas import modeling_tapas

    inside_one = modeling_tapas._single_column_cell_selection_loss

    def inside_any(token_logits: Any, column_logits: Any, *rest: Any) -> Any:
        if column_logits is None:
            return None, token_logits
        return inside_one(token_logits, column_logits, *rest)

    modeling_tapas._single_column_cell_selection_loss = inside_any


SEGMENT, COLUMN, ROW, PREVIOUS = range(4)
"""Of token_type_ids."""


def turns(request: Request) -> int:
    return request.tensors["input_ids"].shape[1] if request.parameters["sequential"] else 1


def joined(parts: list[Tensors]) -> Tensors:
    """The answers of all turns, [batch, n, ...] each."""
    return {name: np.concatenate(list(pad([part[name] for part in parts])), axis=1) for name in parts[0]}


def of_cells(types: np.ndarray) -> np.ndarray:
    """[length] whether a token is of a cell, rather than of the question or the header."""
    return (types[:, SEGMENT] == 1) & (types[:, COLUMN] > 0) & (types[:, ROW] > 0)


def selected(logits: np.ndarray, types: np.ndarray, threshold: float) -> np.ndarray:
    """[cells, 2] int32 row and column, in order, of the cells whose tokens are selected with a mean probability above
    the threshold (`convert_logits_to_predictions`)."""
    inside = of_cells(types)
    probabilities = 1 / (1 + np.exp(-np.maximum(logits[inside], -88.7)))
    places, of = np.unique(types[inside][:, [ROW, COLUMN]] - 1, axis=0, return_inverse=True)
    means = np.bincount(of.ravel(), probabilities, len(places)) / np.bincount(of.ravel(), minlength=len(places))
    return places[means > threshold].astype(np.int32)


def labels(types: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """[length] 1 for tokens of these cells ([n, 2] row and column), 0 for others."""
    at = types[:, [ROW, COLUMN]] - 1
    return of_cells(types) & (at[:, None] == cells).all(axis=-1).any(axis=-1)


def aggregation_labels(config: dict[str, Any]) -> dict[int, str]:
    """What a TAPAS does with cells, by number; {} for one that only selects them."""
    names = config.get("aggregation_labels")
    if not names or not config.get("num_aggregation_labels"):
        return {}
    return {int(number): name for number, name in (names.items() if isinstance(names, dict) else enumerate(names))}


class Generation(text2text.Model):
    __doc__ = text2text.Model.__doc__
    PARAMETERS = PARAMETERS
    task = "table-question-answering"

    def process_batch(self, requests: list[Request]) -> list[Result]:
        masks = [request.tensors["attention_mask"].any(axis=-1) for request in requests]
        rows = [self.flat(request, mask) for request, mask in zip(requests, masks, strict=True)]
        return [
            answers if isinstance(answers, Exception) else self.shaped(answers["sequences"][:, 0], mask)
            for answers, mask in zip(super().process_batch(rows), masks, strict=True)
        ]

    def flat(self, request: Request, mask: np.ndarray) -> Request:
        """A request of one text a row: [rows, length]."""
        tensors = {name: request.tensors[name][mask] for name in ("input_ids", "attention_mask")}
        nothing = np.empty((int(mask.sum()), 0), np.int64)
        return Request({**tensors, "forced_bos_token_id": nothing, "eos_token_id": nothing}, request.parameters)

    def shaped(self, answers: np.ndarray, mask: np.ndarray) -> Tensors:
        sequences = np.full((*mask.shape, answers.shape[-1]), -1, np.int32)
        sequences[mask] = answers
        return {
            "sequences": sequences,
            "coordinates": np.empty((*mask.shape, 0, 2), np.int32),
            "cell_count": np.full(mask.shape, -1, np.int32),
            "aggregation": np.full(mask.shape, -1, np.int32),
        }


class Postprocess(Stage):
    """Of each query of QUERY [batch, n]: ANSWER [batch, n]; of TAPAS, COORDINATES [batch, n, cells, 2] INT32, row and
    column of the cells that it selects, padded with -1, CELLS [batch, n, cells], their texts in TABLE [batch, 1],
    CELL_COUNT [batch, n] INT32 of them (-1 where the model selects none because it generates), and AGGREGATOR
    [batch, n], empty where the model has none. COUNT [batch, 1] says how many queries of a row are real."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        config = read_json(self.folder, "config.json")
        self.selects = is_tapas(self.folder)
        self.aggregators = aggregation_labels(config)
        self.no_aggregation = config.get("no_aggregation_label_index")
        self.tokenizer = None if self.selects else text.Tokenizer(self.folder)

    def process(self, request: Request) -> Tensors:
        tensors = request.tensors
        counts = [count(row) for row in tensors["QUERY"]]
        result = {
            "COORDINATES": tensors["coordinates"],
            "CELL_COUNT": tensors["cell_count"],
            "COUNT": np.array([[number] for number in counts], np.int32),
        }
        shape = tensors["cell_count"].shape
        if self.tokenizer:
            rows = [ids[ids >= 0].tolist() for item in tensors["sequences"] for ids in item]
            answers = [self.tokenizer.decode(ids, skip_special_tokens=True) for ids in rows]
            nothing = np.full(shape, b"", object)
            encoded = np.array([answer.encode() for answer in answers], object).reshape(shape)
            return {**result, "ANSWER": encoded, "CELLS": np.empty((*shape, 0), object), "AGGREGATOR": nothing}
        return {**result, **self.cells(tensors, counts)}

    def cells(self, tensors: Tensors, counts: list[int]) -> Tensors:
        coordinates = tensors["coordinates"].copy()
        texts = np.full(coordinates.shape[:-1], b"", object)
        answers, aggregators = (np.full(coordinates.shape[:2], b"", object) for _ in range(2))
        for item, data in enumerate(tensors["TABLE"][:, 0]):
            rows = tables.read(data, NO_LIMITS).rows
            for query in range(coordinates.shape[1]):
                number = tensors["cell_count"][item, query] if query < counts[item] else 0
                coordinates[item, query, number:] = -1
                found = [rows[row][column] for row, column in coordinates[item, query, :number]]
                texts[item, query, :number] = [cell.encode() for cell in found]
                aggregation = int(tensors["aggregation"][item, query])
                name = self.aggregators.get(aggregation, "") if query < counts[item] else ""
                prefix = f"{name} > " if name and aggregation != self.no_aggregation else ""
                answers[item, query] = (prefix + ", ".join(found)).encode()
                aggregators[item, query] = name.encode()
        return {"ANSWER": answers, "COORDINATES": coordinates, "CELLS": texts, "AGGREGATOR": aggregators}


NO_LIMITS = tables.Limits(2**62, 2**62)
"""The preprocessor has seen to them."""
