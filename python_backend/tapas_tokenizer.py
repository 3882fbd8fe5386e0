"""TAPAS: a table and a question to tokens, each with its row, its column and five more types. Follows TapasTokenizer
of transformers 4.48.

The class itself asks for pandas, and reads all of the table again for each question: here a table is read once. What
cuts texts into words and words into pieces is transformers' own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from python_backend import table_values, text
from python_backend.checkpoint import read_json, token_text
from python_backend.parameters import InvalidInput
from python_backend.tables import Table

TYPES = ("segment", "column", "row", "previous label", "rank", "inverse rank", "relation")
DEFAULT_TYPE_SIZES = (3, 256, 256, 2, 256, 256, 10)


class Pieces(NamedTuple):
    """The tokens of a text."""

    ids: tuple[int, ...]
    begins: tuple[int, ...]
    """Of each token, at which token its word begins."""


class Encoded(NamedTuple):
    ids: np.ndarray
    """[length] int64."""
    types: np.ndarray
    """[length, 7] int64, in the order of TYPES."""


class ReadTable(NamedTuple):
    """What the questions about a table have in common. Row 0 is the header."""

    ids: np.ndarray
    """[tokens] int64, row by row."""
    rows: np.ndarray
    """[tokens] the row of each token."""
    columns: np.ndarray
    begins: np.ndarray
    """[tokens] at which token of its cell the token's word begins."""
    longest: int
    """Tokens of a cell."""
    values: list[dict[int, table_values.Value]]
    """Of each column."""
    ranks: np.ndarray
    """[2, rows, columns] the rank of each cell in its column, and the inverse one; 0 where it has none."""


class TapasTokenizer:
    """The tokenizer of a checkpoint.

    Args:
        max_tokens: that a question may have with its table. A model that does not count positions anew in each cell
            takes no more than its table of positions holds.
    """

    def __init__(self, folder: Path, max_tokens: int) -> None:
        from transformers.models.tapas.tokenization_tapas import BasicTokenizer, WordpieceTokenizer
        from transformers.tokenization_python import Trie

        model = read_json(folder, "config.json")
        known = text.Tokenizer(folder)
        options: dict[str, Any] = known.config
        self.vocabulary = known.backend.get_vocab(with_added_tokens=False)
        added = known.backend.get_added_tokens_decoder()
        self.unknown = self.vocabulary[known.special_tokens["unk_token"]]
        self.added = {token.content: id_ for id_, token in added.items()}
        self.empty = token_text(
            (options.get("additional_special_tokens") or [options.get("empty_token", "[EMPTY]")])[0]
        )
        self.added.setdefault(self.empty, self.vocabulary.get(self.empty, self.unknown))
        self.cls, self.sep = (self.added[known.special_tokens[name]] for name in ("cls_token", "sep_token"))
        self.trie = Trie(self.added)
        self.basic = None
        if options.get("do_basic_tokenize", True):
            self.basic = BasicTokenizer(
                do_lower_case=options.get("do_lower_case", True),
                never_split=options.get("never_split"),
                tokenize_chinese_chars=options.get("tokenize_chinese_chars", True),
                strip_accents=options.get("strip_accents"),
            )
        self.wordpiece = WordpieceTokenizer(self.vocabulary, known.special_tokens["unk_token"])
        kept = [token.content for token in added.values() if token.special or token.normalized]
        self.lowered = re.compile(f"({'|'.join(map(re.escape, [*kept, self.empty]))})|(.+?)")

        self.full_length = int(options["model_max_length"])
        self.shortest, self.longest = options.get("min_question_length"), options.get("max_question_length")
        self.cell_length: int = options.get("cell_trim_length", -1)
        self.names = not options.get("strip_column_names", False)
        self.sizes: list[int] = model.get("type_vocab_sizes") or list(DEFAULT_TYPE_SIZES)
        self.max_columns, self.max_rows = (
            min(self.full_length if limit is None else limit, size) - 1
            for limit, size in zip(
                (options.get("max_column_id"), options.get("max_row_id")), self.sizes[1:3], strict=True
            )
        )
        self.max_tokens = max_tokens
        if not model.get("reset_position_index_per_cell", True):
            self.max_tokens = min(max_tokens, model.get("max_position_embeddings", 1024))
        self.pieces = table_values.cached(self._pieces)

    def encode(self, table: Table, questions: list[str], truncate: bool) -> list[Encoded]:
        """The tokens of each question with the table.

        Args:
            truncate: leave out the ends of cells, then rows, until all fit.

        InvalidInput for a table that is too large.
        """
        columns, rows = len(table.header), len(table.rows)
        if columns > self.max_columns:
            raise InvalidInput(f"The table has {columns:,} columns; the model takes {self.max_columns:,}.")
        if rows > self.max_rows and not truncate:
            raise InvalidInput(
                f"The table has {rows:,} rows; the model takes {self.max_rows:,}. Send fewer, or leave the parameter "
                "truncation at drop_rows_to_fit."
            )
        read = self.read(table)
        return [self.question(read, question, min(rows, self.max_rows), truncate) for question in questions]

    def read(self, table: Table) -> ReadTable:
        header = table.header if self.names else [""] * len(table.header)
        cells = [[self.pieces(cell) for cell in row] for row in (header, *table.rows)]
        tokens = [
            (id_, row, column, begin)
            for row, those in enumerate(cells)
            for column, pieces in enumerate(those)
            for id_, begin in zip(*pieces, strict=True)
        ]
        ids, rows, columns, begins = np.array(tokens, np.int64).reshape(-1, 4).T
        values = [table_values.column(column) for column in zip(*table.rows, strict=True)]
        ranks = np.zeros((2, len(cells), len(header)), np.int64)
        for column, those in enumerate(values):
            for row, both in table_values.ranks(those).items():
                ranks[:, row + 1, column] = both
        # A table of more rows than the model takes may have higher ranks than it knows.
        ranks = np.minimum(ranks, np.array(self.sizes[4:6])[:, None, None] - 1)
        longest = max(len(pieces.ids) for those in cells for pieces in those)
        return ReadTable(ids, rows, columns, begins, longest, values, ranks)

    def question(self, table: ReadTable, question: str, rows: int, truncate: bool) -> Encoded:
        asked = self.pieces(question).ids
        if len(asked) > (self.longest or len(asked)) or len(asked) < (self.shortest or 0):
            question, asked = "", ()  # as there: a question of another length is none
        length = table.longest
        if truncate:
            rows, length = self.fit(table, rows, self.full_length - len(asked) - 2)
        kept = (table.rows <= rows) & (table.begins < length)
        ids = np.array([self.cls, *asked, self.sep, *table.ids[kept]], np.int64)
        if len(ids) > self.max_tokens:
            raise InvalidInput(
                f"The question and the table have {len(ids):,} tokens; {self.max_tokens:,} are taken here. "
                + ("Shorten the question or the names of the columns." if truncate else TRUNCATE)
            )
        related = np.zeros(table.ranks.shape[1:], np.int64)
        asked_values = table_values.values(question)
        for column, those in enumerate(table.values):
            for row, relation in table_values.relations(asked_values, those).items():
                related[row + 1, column] = relation
        at = table.rows[kept], table.columns[kept]
        types = np.zeros((len(ids), len(TYPES)), np.int64)
        types[len(ids) - len(at[0]) :] = np.stack(
            [np.ones_like(at[0]), at[1] + 1, at[0], np.zeros_like(at[0]), *table.ranks[:, *at], related[at]], axis=1
        )
        return Encoded(ids, types)

    def fit(self, table: ReadTable, rows: int, budget: int) -> tuple[int, int]:
        """How many rows fit into `budget` tokens, and to how many tokens cells are cut for it
        (`_get_truncated_table_rows`): cells are cut first, down to a word, then the last rows go."""
        longest = table.longest
        fixed = self.cell_length >= 0  # cells are of that length or go
        if fixed:
            longest = min(longest, self.cell_length)
        if longest:
            least = longest if fixed else 1
            costs = np.bincount(table.rows[table.begins < least], minlength=len(table.ranks[0])).cumsum()
            rows = max((count for count in range(1, rows + 1) if costs[count] <= budget), default=0)
            if not rows:
                return 0, 1
        if fixed or not longest:
            return rows, longest or 1
        costs = np.bincount(table.begins[table.rows <= rows] + 1, minlength=longest + 1).cumsum()
        return rows, max(length for length in range(1, longest + 1) if costs[length] <= budget)

    def _pieces(self, string: str) -> Pieces:
        tokens = self.tokens(string)
        begins: list[int] = []
        for at, token in enumerate(tokens):
            begins.append(at if not token.startswith("##") else begins[-1] if begins else -1)
        return Pieces(tuple(self.id(token) for token in tokens), tuple(begins))

    def id(self, token: str) -> int:
        return self.added.get(token, self.vocabulary.get(token, self.unknown))

    def tokens(self, string: str) -> list[str]:
        if self.basic is not None and self.basic.do_lower_case:
            string = self.lowered.sub(lambda match: match[1] or match[2].lower(), string)
        tokens: list[str] = []
        for part in self.trie.split(string):
            if part in self.added:
                tokens.append(part)
            elif part:
                tokens += self.words(part)
        return tokens

    def words(self, string: str) -> list[str]:
        """The tokens of a text without special ones; a text of signs alone is an empty cell."""
        from transformers.models.tapas.tokenization_tapas import EMPTY_TEXT, format_text

        if format_text(string) == EMPTY_TEXT:
            return [self.empty]
        if self.basic is None:
            return self.wordpiece.tokenize(string)
        tokens: list[str] = []
        for word in self.basic.tokenize(string):
            tokens += [word] if word in self.basic.never_split else self.wordpiece.tokenize(word)
        return tokens


TRUNCATE = 'Send fewer rows, or the parameter truncation="drop_rows_to_fit".'
