"""What multilingual tokenizers do that is not in tokenizer.json: a text's language beside it, a first token to force.

install.py leaves the language that the checkpoint assumes in tokenizer.json; here is any other. No torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tokenizers import Encoding, processors

from python_backend.parameters import InvalidInput, shorten
from python_backend.text import Tokenizer

Frame = tuple[tuple[int, ...], tuple[int, ...]]
"""Token ids before and behind a text."""

HIDDEN = "\uffff"
"""What scripts/installing/marian_tokenizer.py puts before entries of vocab.json that SentencePiece does not give."""

MARIAN_CODE = re.compile(">>.+<<")
"""How a text for a Marian model of several target languages begins: ">>fra<< Hello"."""


class Scheme(NamedTuple):
    """How a tokenizer class spells its languages, and where it puts them."""

    token: re.Pattern[str]
    """A language's token; the group is the code that callers give."""
    before: bool
    """The language stands before the text, and not behind its end token."""


SCHEMES = {
    "MBartTokenizer": Scheme(re.compile(r"([a-z]{2,3}_[A-Z]{2})"), before=False),
    "MBart50Tokenizer": Scheme(re.compile(r"([a-z]{2,3}_[A-Z]{2})"), before=True),
    "NllbTokenizer": Scheme(re.compile(r"([a-z]{3}_[A-Z][a-z]{3})"), before=True),
    "M2M100Tokenizer": Scheme(re.compile(r"__(\w+)__"), before=True),
    "SeamlessM4TTokenizer": Scheme(re.compile(r"__(\w+)__"), before=True),
}
"""The classes of transformers 4.48 that have `_build_translation_inputs`: translation needs both languages there."""


class Languages:
    """The languages of a checkpoint: `ids` by code, none where the tokenizer's class has none."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        name = (tokenizer.config.get("tokenizer_class") or "").removesuffix("Fast")
        scheme = SCHEMES.get(name)
        self.ids: dict[str, int] = {}
        if scheme is not None:
            added = tokenizer.backend.get_added_tokens_decoder().items()
            found = ((scheme.token.fullmatch(token.content), id_) for id_, token in added if token.special)
            self.ids = {match[1]: id_ for match, id_ in found if match}
        legacy = name == "NllbTokenizer" and tokenizer.config.get("legacy_behaviour")
        self.before = scheme is not None and scheme.before and not legacy
        self.is_marian = name == "MarianTokenizer"

    def find(self, code: str, parameter: str) -> int:
        """The token of a language that a request names."""
        if code not in self.ids:
            raise InvalidInput(
                f"The model has no language {shorten(code)} ({parameter}); it has {', '.join(self.ids)}."
            )
        return self.ids[code]

    def frame(self, language: int) -> Frame:
        """What stands around a text in this language."""
        end = self._end()
        return ((language,), (end,)) if self.before else ((), (end, language))

    def take_code(self, text: str) -> tuple[str, Frame | None]:
        """Marian: the text without the code that it begins with, which is a token of its own however it is spelled."""
        match = MARIAN_CODE.match(text) if self.is_marian else None
        if not self.is_marian or ">>" not in text:
            return text, None
        frame: Frame | None = None
        if match:
            backend = self.tokenizer.backend
            code = next(
                (id_ for name in (match[0], HIDDEN + match[0]) if (id_ := backend.token_to_id(name)) is not None),
                self.tokenizer.token_id("unk_token"),
            )
            frame = ((code or 0,), (self._end(),))
        return MARIAN_CODE.sub("", text), frame

    def _end(self) -> int:
        end = self.tokenizer.token_id("eos_token")
        if end is None:
            raise ValueError("the checkpoint's tokenizer has no eos_token")
        return end


@contextmanager
def framed(tokenizer: Tokenizer, frame: Frame | None) -> Iterator[None]:
    """Let the tokenizer put these tokens around each text; None: its own, as ever."""
    if frame is None:
        yield
        return
    backend = tokenizer.backend
    before, behind = ([backend.id_to_token(id_) for id_ in ids] for ids in frame)
    special = list({*zip([*before, *behind], [*frame[0], *frame[1]], strict=True)})
    own = backend.post_processor
    backend.post_processor = processors.TemplateProcessing(
        single=[*before, "$A", *behind], pair=[*before, "$A", "$B", *behind], special_tokens=special
    )
    try:
        yield
    finally:
        backend.post_processor = own


class VocabularyMapping:
    """The second step of tokenizers that installing/marian_tokenizer.py makes, where the checkpoint's is one."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.backend = tokenizer.backend
        self.size: int | None = tokenizer.config.get("mapped_vocabulary_size")
        self.unknown = tokenizer.token_id("unk_token")

    def ids(self, encoding: Encoding, text: str) -> list[int]:
        """The ids of an encoding of the text, as vocab.json has them."""
        if self.size is None or self.unknown is None:
            return encoding.ids
        ids = [id_ if id_ < self.size else self.unknown for id_ in encoding.ids]
        for at, id_ in enumerate(encoding.ids):
            if id_ == self.unknown:
                start, end = encoding.offsets[at]
                surface = self.backend.normalizer.normalize_str(text[start:end])
                found = self.backend.token_to_id(HIDDEN + surface) if surface else None
                ids[at] = id_ if found is None else found
        return ids
