"""Whisper's tokens to text with times: joins the rows of one audio, cuts where timestamp tokens say, groups words.

Follows `_decode_asr` of transformers 4.48's WhisperTokenizer, without torch. Where rows overlap (`chunk_length_s`),
tokens that both sides of an overlap have are found and kept once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from python_backend.text import Tokenizer
from python_backend.whisper_languages import LANGUAGES

UNSPACED = ("chinese", "japanese", "thai", "lao", "myanmar", "cantonese")
"""Languages that put no spaces between words."""

OPENING = "\"'“¡¿([{-"
CLOSING = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 (they are meant)


class Row(NamedTuple):
    """What the model said about one row of the audio."""

    tokens: list[int]
    times: list[float] | None
    """When each token was said, in seconds from the start of the row; None unless words are asked for."""
    stride: tuple[float, float, float]
    """Seconds of the row, and how many of them overlap with the row before and the row after."""


class Chunk(NamedTuple):
    """A segment or a word."""

    text: str
    start: float | None
    end: float | None
    language: str | None


class Token(NamedTuple):
    id: int
    start: float = 0.0
    end: float | None = 0.0


class Vocabulary:
    """A Whisper tokenizer, and what its special tokens mean."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = Tokenizer(folder)
        backend = self.tokenizer.backend
        self.special = {
            id_: token.content for id_, token in backend.get_added_tokens_decoder().items() if token.special
        }
        self.languages = {
            id_: LANGUAGES[content[2:-2]] for id_, content in self.special.items() if content[2:-2] in LANGUAGES
        }
        ids = {content: id_ for id_, content in self.special.items()}
        self.timestamp_begin = ids["<|notimestamps|>"] + 1
        self.start = ids["<|startoftranscript|>"]
        self.previous = ids.get("<|startofprev|>")
        self.end = ids["<|endoftext|>"]

    def text(self, tokens: Sequence[Token]) -> str:
        decoded = self.tokenizer.decode([token.id for token in tokens])
        return re.sub(r"<\|\d+\.\d+\|>", "", decoded)

    def without_prompt(self, ids: list[int]) -> list[int]:
        if not ids or ids[0] != self.previous:
            return ids
        return ids[ids.index(self.start) :] if self.start in ids else []


class Transcript:
    """The state of reading the rows of one audio in order.

    Args:
        timestamps: "true" for segments, "word" for words, None for neither.
        precision: seconds that one timestamp token counts.
    """

    def __init__(self, vocabulary: Vocabulary, timestamps: str | None, precision: float) -> None:
        self.vocabulary = vocabulary
        self.timestamps = timestamps
        self.precision = precision
        self.text = ""
        self.chunks: list[Chunk] = []
        self._offset = 0.0
        """Where the row starts, in seconds from the start of the audio."""
        self._pending: list[list[Token]] = []
        """What rows said since the last cut, a list a row, overlapping."""
        self._start: float | None = None
        self._language: str | None = None
        self._skip = False
        """Timestamps come in pairs, an end and the next start: after an end in an overlap, its start is skipped too."""

    def add(self, row: Row) -> None:
        """Read the tokens of the next row."""
        vocabulary = self.vocabulary
        ids = vocabulary.without_prompt(row.tokens)
        begin = vocabulary.timestamp_begin
        length, left, right = row.stride
        self._offset -= left
        first = left / self.precision + begin
        last = self._last_timestamp(ids, length - right) if right else None
        said: list[Token] = []
        for at, id_ in enumerate(ids):
            if id_ in vocabulary.special:
                if id_ in vocabulary.languages:
                    said = self._enter_language(vocabulary.languages[id_], said)
            elif id_ < begin:
                said.append(self._token(id_, at, row.times))
            elif last and id_ >= last:
                self._skip = True
            elif self._skip or (self._pending and id_ < first):
                self._skip = False
            else:
                said = self._cut(round((id_ - begin) * self.precision + self._offset, 2), said)
        self._offset += length - right
        if said:
            self._pending.append(said)
        elif not any(self._pending):
            self._pending = []
            self._start = None

    def close(self) -> None:
        """What is left when the audio ends in the middle of a segment, or has no timestamps."""
        if self._pending:
            self._emit(None)

    def _last_timestamp(self, ids: list[int], right_overlap: float) -> int | None:
        """The first of the timestamps in the overlap with the next row, or the last one before it when there is none:
        from there on the next row knows better."""
        last = None
        for id_ in reversed(ids):
            if id_ >= self.vocabulary.timestamp_begin:
                if last is not None and (id_ - self.vocabulary.timestamp_begin) * self.precision < right_overlap:
                    break
                last = id_
        return last

    def _token(self, id_: int, at: int, times: list[float] | None) -> Token:
        if times is None:
            return Token(id_)
        end = round(times[at + 1] + self._offset, 2) if at + 1 < len(times) else None
        return Token(id_, round(times[at] + self._offset, 2), end)

    def _enter_language(self, language: str, said: list[Token]) -> list[Token]:
        if self._language and language != self._language and not self.timestamps:
            self._pending.append(said)
            self._emit(None)
            said = []
        self._language = language
        return said

    def _cut(self, time: float, said: list[Token]) -> list[Token]:
        if self._start is None:
            self._start = time
        elif time != self._start:  # equal: the model repeated a start
            self._pending.append(said)
            self._emit(time)
            return []
        return said

    def _emit(self, end: float | None) -> None:
        tokens = merge(self._pending)
        text = self.vocabulary.text(tokens)
        self.text += text
        if self.timestamps == "word":
            self.chunks += words(self.vocabulary, tokens, self._language)
        else:
            self.chunks.append(Chunk(text, self._start, end, self._language))
        self._pending = []
        self._start = None


def merge(rows: list[list[Token]]) -> list[Token]:
    """One sequence out of the overlapping ones of neighbouring rows.

    Each pair is slid along each other; where most tokens agree (in the order of time, when they have times), the left
    one is kept up to the middle of that overlap and the right one from there.
    """
    merged: list[Token] = []
    left = rows[0]
    for right in rows[1:]:
        best = 0.0
        cut_left, cut_right = len(left), 0
        left_ids, right_ids = (np.array([token.id for token in row], int) for row in (left, right))
        left_times, right_times = (
            np.array([(token.start, math.inf if token.end is None else token.end) for token in row]).reshape(-1, 2)
            for row in (left, right)
        )
        for shift in range(1, len(left) + len(right)):
            of_left = slice(max(0, len(left) - shift), min(len(left), len(left) + len(right) - shift))
            of_right = slice(max(0, shift - len(left)), min(len(right), shift))
            earlier, later = left_times[of_left], right_times[of_right]
            ordered = (earlier[:, 0] < later[:, 0]) | ((earlier[:, 0] == later[:, 0]) & (earlier[:, 1] <= later[:, 1]))
            matches = np.count_nonzero((left_ids[of_left] == right_ids[of_right]) & ordered)
            score = matches / shift + shift / 10000  # favours long matches among perfect ones
            if matches > 1 and score > best:
                best = score
                cut_left = (of_left.start + of_left.stop) // 2
                cut_right = (of_right.start + of_right.stop) // 2
        merged += left[:cut_left]
        left = right[cut_right:]
    return merged + left


def words(vocabulary: Vocabulary, tokens: list[Token], language: str | None) -> list[Chunk]:
    """The tokens grouped to words, punctuation with its neighbour, each with its time."""
    groups = _characters(vocabulary, tokens)
    if (language or vocabulary.tokenizer.config.get("language")) not in UNSPACED:
        groups = _spaced(vocabulary, groups)
    return [
        Chunk(text, group[0].start, group[-1].end, language)
        for text, group in _with_punctuation(groups)
        if text and group
    ]


Group = tuple[str, list[Token]]


def _characters(vocabulary: Vocabulary, tokens: list[Token]) -> list[Group]:
    """The fewest tokens each that decode to whole characters."""
    everything = vocabulary.text(tokens)
    groups: list[Group] = []
    group: list[Token] = []
    length = 0
    for token in tokens:
        group.append(token)
        text = vocabulary.text(group)
        at = length + text.find("\ufffd")
        if "\ufffd" not in text or everything[at : at + 1] == "\ufffd":
            groups.append((text, group))
            length += len(text)
            group = []
    return groups


def _spaced(vocabulary: Vocabulary, groups: list[Group]) -> list[Group]:
    """Groups joined to words: one starts at a space, a punctuation mark or a special token."""
    joined: list[Group] = []
    for text, group in groups:
        special = group[0].id >= vocabulary.end
        if not joined or special or text.startswith(" ") or text.strip() in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~":
            joined.append((text, group))
        else:
            joined[-1] = (joined[-1][0] + text, joined[-1][1] + group)
    return joined


def _with_punctuation(groups: list[Group]) -> list[Group]:
    """Opening punctuation joins the word after it, closing punctuation the word before it."""
    groups = list(groups)
    after = len(groups) - 1
    for at in range(len(groups) - 2, -1, -1):
        text, group = groups[at]
        if text.startswith(" ") and text.strip() in OPENING:
            groups[after] = (text + groups[after][0], group + groups[after][1])
            groups[at] = ("", [])
        else:
            after = at
    before = 0
    for at in range(1, len(groups)):
        text, group = groups[at]
        if not groups[before][0].endswith(" ") and text in CLOSING:
            groups[before] = (groups[before][0] + text, groups[before][1] + group)
            groups[at] = ("", [])
        else:
            before = at
    return groups
