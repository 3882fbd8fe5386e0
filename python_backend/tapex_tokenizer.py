"""TAPEX: a table written out as text behind a question, to tokens. Follows TapexTokenizer of transformers 4.48, which
transformers 5 no longer has.

    how many stars? col : repository | stars row 1 : transformers | 36542 row 2 : datasets | 4512
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from tokenizers import Encoding, pre_tokenizers

from python_backend import text
from python_backend.checkpoint import read_json
from python_backend.parameters import InvalidInput
from python_backend.tables import Table
from python_backend.text2text import input_limit

CUTS = ("longest_first", "only_first")
"""Truncations that cut the end of the text."""
DROPS_ROWS = "drop_rows_to_fit"


class TapexTokenizer:
    """The tokenizer of a checkpoint.

    Args:
        max_tokens: that a question may have with its table, for models that set no limit themselves.
    """

    def __init__(self, folder: Path, max_tokens: int) -> None:
        known = text.Tokenizer(folder)
        options = known.config
        self.backend = known.backend
        self.lower = options.get("do_lower_case", True)
        self.cell_length: int = options.get("max_cell_length", 15)
        self.prefix = ""
        if isinstance(self.backend.pre_tokenizer, pre_tokenizers.ByteLevel):
            # Of a text the slow tokenizer puts a space before the start alone, this one before each part of it that
            # stands between special tokens.
            self.prefix = " " if options.get("add_prefix_space", False) else ""
            self.backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self.limit = input_limit(read_json(folder, "config.json")) or max_tokens
        self.full_length = min(known.max_tokens, self.limit)
        special = [token.content for token in self.backend.get_added_tokens_decoder().values()]
        self.lowered = re.compile(f"({'|'.join(map(re.escape, special)) or '(?!)'})|(.+?)")

    def encode(self, table: Table, questions: list[str], truncation: str) -> list[np.ndarray]:
        """[length] int64 token ids of each question with the table.

        Args:
            truncation: "do_not_truncate", one of CUTS, or DROPS_ROWS; anything else cuts nothing.

        InvalidInput for more than the model takes.
        """
        table = Table(table.header, self.cut_cells(table.rows))
        texts = [self.text(table, question) for question in questions]
        encodings = self.backend.encode_batch([self.prefixed(each) for each in texts])
        return [
            np.array(self.fitting(table, question, encoding, truncation), np.int64)
            for question, encoding in zip(questions, encodings, strict=True)
        ]

    def fitting(self, table: Table, question: str, encoding: Encoding, truncation: str) -> list[int]:
        if truncation in CUTS and len(encoding) > self.full_length:
            return [*encoding.ids[: self.full_length - 1], encoding.ids[-1]]
        if truncation == DROPS_ROWS and len(encoding) > self.full_length:
            encoding = self.with_rows_that_fit(table, question)
        if len(encoding) > self.limit:
            remedy = "Shorten the question or the names of the columns."
            if truncation != DROPS_ROWS:
                remedy = f'Send fewer rows, or the parameter truncation="{DROPS_ROWS}", or true to cut the end.'
            raise InvalidInput(
                f"The question and the table have {len(encoding):,} tokens; {self.limit:,} are taken here. {remedy}"
            )
        return encoding.ids

    def with_rows_that_fit(self, table: Table, question: str) -> Encoding:
        """With the first rows of the table, as many as the model takes; with none where even one is too much."""
        fit, excess = 0, len(table.rows)
        best = self.with_rows(table, 0, question)
        while excess - fit > 1:
            middle = (fit + excess) // 2
            encoding = self.with_rows(table, middle, question)
            if len(encoding) <= self.full_length:
                fit, best = middle, encoding
            else:
                excess = middle
        return best

    def with_rows(self, table: Table, rows: int, question: str) -> Encoding:
        (encoding,) = self.backend.encode_batch(
            [self.prefixed(self.text(Table(table.header, table.rows[:rows]), question))]
        )
        return encoding

    def text(self, table: Table, question: str) -> str:
        """The question and the table as one text (`prepare_table_query`)."""
        lines = [f"col : {' | '.join(table.header)}"]
        lines += [f"row {number} : {' | '.join(row)}" for number, row in enumerate(table.rows, 1)]
        joined = f"{question} {' '.join(lines).strip()}"
        return joined.lower() if self.lower else joined

    def prefixed(self, string: str) -> str:
        return self.prefix + string if string and not string[0].isspace() else string

    def cut_cells(self, rows: list[list[str]]) -> list[list[str]]:
        """Cells of `max_cell_length` tokens and more, cut to that (`truncate_cell`)."""
        cells = [self.prefixed(self.lower_case(cell)) for row in rows for cell in row]
        encodings = iter(self.backend.encode_batch(cells, add_special_tokens=False))
        return [[self.cut(cell, next(encodings)) for cell in row] for row in rows]

    def cut(self, cell: str, encoding: Encoding) -> str:
        if len(encoding) < self.cell_length or not cell.strip():
            return cell
        decoder = self.backend.decoder
        tokens = encoding.tokens[: self.cell_length]
        return decoder.decode(tokens) if decoder else " ".join(tokens)

    def lower_case(self, string: str) -> str:
        """As the tokenizer itself does: letter by letter, special tokens as they are."""
        if not self.lower:
            return string
        return self.lowered.sub(lambda match: match[1] or match[2].lower(), string)
