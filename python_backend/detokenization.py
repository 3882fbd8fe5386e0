"""Token ids to text, whole or piece by piece as they come, and stop strings. No torch.

A piece is the text that can no longer change: characters whose bytes are not all there, and spaces that the clean-up
before punctuation may still remove, wait for the tokens that settle them. So the pieces joined are the whole text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from python_backend.text import Tokenizer, clean_up

INCOMPLETE = "\ufffd"
"""What decoders make of bytes that are no whole character."""

WORD_STARTS = ("\u0120", "\u2581")
"""How tokens that begin with a space begin, in byte-level and in SentencePiece vocabularies."""

NO_LETTERS = frozenset(" .?!,'").union(WORD_STARTS)

CLEANED_UP = (".", "?", "!", ",", "'", "n't", "'m", "'s", "'ve", "'re")
"""What loses the space before it in `clean_up` (and "'" the one behind it)."""


class Detokenizer:
    """Text of token ids, special tokens left out, as TextGenerationPipeline's postprocess decodes them."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.backend = tokenizer.backend
        # A run of byte tokens becomes characters all together, or not at all: it settles where it ends.
        fallback = "ByteFallback" in json.dumps(json.loads(self.backend.to_str())["decoder"])
        bytes_ = (self.backend.token_to_id(f"<0x{byte:02X}>") for byte in range(256)) if fallback else ()
        self.byte_ids = {token for token in bytes_ if token is not None}

    def text(self, ids: Sequence[int], cleaned: bool) -> str:
        text = self.backend.decode(ids, skip_special_tokens=True)
        return clean_up(text) if cleaned else text

    def settled(self, ids: Sequence[int], cleaned: bool) -> str:
        """The beginning of the text that no further token changes."""
        end = len(ids)
        while end and ids[end - 1] in self.byte_ids:
            end -= 1
        text = self.backend.decode(ids[:end], skip_special_tokens=True).rstrip(INCOMPLETE)
        return clean_up(text[: settled_length(text)]) if cleaned else text

    def new_text(self, ids: Sequence[int], prompt: int, sent: int, final: bool, cleaned: bool) -> str:
        """The piece of text that the ids from `sent` on settle, or complete when they are `final`.

        Args:
            ids: the sequence, or its end from a `boundary` on.
            prompt: how many of the ids are the prompt's. Its text is left out, by its length as the pipeline does.
            sent: how many ids earlier pieces were made of; `prompt` for the first.
        """
        text = self.text(ids, cleaned) if final else self.settled(ids, cleaned)
        start = len(self.text(ids[:prompt], cleaned))
        if sent > prompt:
            start = max(start, len(self.settled(ids[:sent], cleaned)))
        return text[start:]

    def boundary(self, ids: Sequence[int], before: int) -> int:
        """The last index below `before` where the sequence can be cut without changing the text from `before` on; 0
        when there is none.

        It is a token that starts a word, of so many letters that nothing the clean-up waits for reaches across it.
        """
        for index in range(before - 1, 0, -1):
            token = self.backend.id_to_token(ids[index]) or ""
            if token.startswith(WORD_STARTS) and len(token) > 4 and not NO_LETTERS.intersection(token[1:]):
                return index
        return 0


def settled_length(text: str) -> int:
    """How many characters of a text its clean-up treats alike whatever follows.

    The clean-up removes the space before what CLEANED_UP lists. A space waits as long as the characters behind it,
    other spaces left out since these may go as well, are the beginning of such a thing.
    """
    length, behind = len(text), ""
    for index in range(len(text) - 1, -1, -1):
        if text[index] != " ":
            behind = text[index] + behind
        elif any(thing.startswith(behind) and (thing != behind or thing == "'") for thing in CLEANED_UP):
            length, behind = index, ""  # what follows waits too, so it settles nothing before
        if len(behind) > 3:
            break
    return length


class StopStrings:
    """Tells when the last token of a sequence completes one of some strings, wherever in the token it ends, as 4.48's
    StopStringCriteria does. The prompt counts: a string may begin there."""

    def __init__(self, strings: Sequence[str], detokenizer: Detokenizer) -> None:
        self.strings = strings
        self.detokenizer = detokenizer
        self.window = max(len(string.encode()) for string in strings) + 1
        """Tokens to look at: each has at least one byte."""

    def completed_by_last(self, ids: Sequence[int]) -> bool:
        start = self.detokenizer.boundary(ids, max(0, len(ids) - self.window))
        text, before = (self._text(ids[start:end]) for end in (len(ids), len(ids) - 1))
        known = len(before.rstrip(INCOMPLETE))
        return any(text.find(string, max(0, known - len(string) + 1)) >= 0 for string in self.strings)

    def _text(self, ids: Sequence[int]) -> str:
        return self.detokenizer.backend.decode(ids, skip_special_tokens=False)
