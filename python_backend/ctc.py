"""Connectionist temporal classification: a token per frame to text, with the place of each character or word.

Follows Wav2Vec2CTCTokenizer and Wav2Vec2PhonemeCTCTokenizer of transformers 4.48, without torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from python_backend.checkpoint import read_json, token_text
from python_backend.text import clean_up


class Span(NamedTuple):
    """A character or a word, and the frames that it was heard in."""

    text: str
    start: int
    end: int


class Vocabulary:
    """vocab.json of a checkpoint and how its tokenizer_config.json says to join tokens."""

    def __init__(self, folder: Path) -> None:
        config = {**read_json(folder, "special_tokens_map.json"), **read_json(folder, "tokenizer_config.json")}
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        if config.get("target_lang"):  # nested: one vocabulary a language
            vocabulary = vocabulary[config["target_lang"]]
        vocabulary.update(read_json(folder, "added_tokens.json"))
        self.tokens: dict[int, str] = {id_: token for token, id_ in vocabulary.items()}
        for id_, token in config.get("added_tokens_decoder", {}).items():
            self.tokens[int(id_)] = token_text(token)
        self.unknown = token_text(config.get("unk_token", "<unk>"))
        self.blank = token_text(config.get("pad_token", "<pad>"))
        self.phonemes = config.get("tokenizer_class") == "Wav2Vec2PhonemeCTCTokenizer"
        self.delimiter = token_text(config.get("word_delimiter_token", None if self.phonemes else "|"))
        self.space: str = config.get("replace_word_delimiter_char", " ")
        self.lower = config.get("do_lower_case", False) and not self.phonemes
        self.clean_up = config.get("clean_up_tokenization_spaces", False)

    def characters(self, ids: Iterable[int]) -> list[Span]:
        """What each run of one token stands for; blanks are dropped, word delimiters are spaces (phonemes: dropped)."""
        return list(self._characters(ids))

    def _characters(self, ids: Iterable[int]) -> Iterator[Span]:
        end = 0
        for token, run in groupby(self.tokens.get(id_, self.unknown) for id_ in ids):
            start, end = end, end + sum(1 for _ in run)
            if token == self.blank or (self.phonemes and token == self.delimiter):
                continue
            yield Span(self.space if token == self.delimiter else token, start, end)

    def text(self, characters: Iterable[Span]) -> str:
        joined = (" " if self.phonemes else "").join(character.text for character in characters).strip()
        joined = joined.lower() if self.lower else joined
        return clean_up(joined) if self.clean_up else joined

    def words(self, characters: Iterable[Span]) -> list[Span]:
        """The words between the spaces."""
        words = []
        for is_space, run in groupby(characters, lambda character: character.text == self.space):
            if not is_space:
                word = list(run)
                words.append(Span("".join(character.text for character in word), word[0].start, word[-1].end))
        return words
