"""VitsTokenizer of transformers 4.48: a token a character, with blanks between them. It has no tokenizer.json."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_backend.checkpoint import read_json, token_text
from python_backend.parameters import InvalidInput
from python_backend.text import SPECIAL_TOKENS


class VitsTokenizer:
    """Reads vocab.json and the options of tokenizer_config.json.

    A checkpoint with `phonemize` needs the package phonemizer (and espeak), one with `is_uroman` the package uroman
    for texts that are not in Latin letters; neither is among the requirements.
    """

    def __init__(self, folder: Path) -> None:
        options = read_json(folder, "tokenizer_config.json")
        self.vocabulary: dict[str, int] = read_json(folder, "vocab.json")
        self.add_blank = options.get("add_blank", True)
        self.normalizes = options.get("normalize", True)
        self.phonemizes = options.get("phonemize", True)
        self.romanizes = options.get("is_uroman", False)
        self.romanizer = romanizer() if self.romanizes else None
        self.language = options.get("language")
        added = {token_text(token): int(id_) for id_, token in (options.get("added_tokens_decoder") or {}).items()}
        given = {"unk_token": "<unk>", "pad_token": "<pad>", **options}
        special = [token_text(given[name]) for name in SPECIAL_TOKENS if given.get(name)]
        self.unknown = self.vocabulary.get(token_text(given["unk_token"]))
        for token in special:  # those that the vocabulary lacks come behind it
            if token not in added:
                added[token] = self.vocabulary.get(token, len({**self.vocabulary, **added}))
        self.special = added
        # Of several that fit, the first counts when letters are made small, the longest when tokens are cut out.
        self.known = _any_of([*self.vocabulary, *added])
        self.cuts = _any_of(sorted(added, key=len, reverse=True))
        if self.phonemizes:
            try:
                import phonemizer
            except ImportError:
                raise ImportError("this checkpoint reads phonemes: install espeak and the package phonemizer") from None
            self.phonemizer: Any = phonemizer

    def ids(self, text: str, normalize: bool | None = None) -> list[int]:
        """The ids of a text; none where it has no character that the model knows."""
        text = self.prepare(text, self.normalizes if normalize is None else normalize)
        ids: list[int | None] = []
        for part, is_special in self.parts(text):
            if is_special:
                ids.append(self.special[part])
                continue
            characters = [self.special.get(letter, self.vocabulary.get(letter, self.unknown)) for letter in part]
            if self.add_blank:
                blanks: list[int | None] = [0] * (2 * len(characters) + 1)
                blanks[1::2] = characters
                characters = blanks
            ids += characters
        known = [id_ for id_ in ids if id_ is not None]
        if len(known) < len(ids):
            raise InvalidInput("The text has a character that the model does not know, and no token stands for such.")
        return known

    def parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """The text cut at special tokens: parts, and whether each is one."""
        at = 0
        for found in self.cuts.finditer(text):
            if found.start() > at:
                yield text[at : found.start()], False
            yield found.group(), True
            at = found.end()
        if at < len(text):
            yield text[at:], False

    def prepare(self, text: str, normalize: bool) -> str:
        """`prepare_for_tokenization`"""
        if normalize:
            text = self.lower(text)
        if self.language == "ron":
            text = text.replace("ț", "ţ")
        if self.romanizes and not text.isascii():
            text = self.romanize(text)
        if self.phonemizes:
            text = self.phonemizer.phonemize(
                text, language="en-us", backend="espeak", strip=True, preserve_punctuation=True, with_stress=True
            )
            return re.sub(r"\s+", " ", text)
        if normalize:
            text = "".join(letter for letter in text if letter in self.vocabulary).strip()
        return text

    def romanize(self, text: str) -> str:
        if self.romanizer is None:
            raise InvalidInput(
                "This checkpoint reads texts in Latin letters (uroman), and the server lacks the package that writes "
                "others in them: send the text romanized."
            )
        romanized: str = self.romanizer.romanize_string(text)
        return romanized

    def lower(self, text: str) -> str:
        """In small letters, but for what the vocabulary knows as it is."""
        pieces = []
        at = 0
        for found in self.known.finditer(text):
            pieces += [letter.lower() for letter in text[at : found.start()]]
            pieces.append(found.group())
            at = found.end()
        return "".join([*pieces, *(letter.lower() for letter in text[at:])])


def romanizer() -> Any:
    """uroman's; None where the package is not installed."""
    try:
        import uroman
    except ImportError:
        return None
    return uroman.Uroman()


def _any_of(tokens: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(token) for token in tokens if token) or r"(?!)")
