"""Text: bytes to strings to token ids, with limits. No torch: a text stage stays small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers

from python_backend.checkpoint import read_json, token_text
from python_backend.parameters import Choice, Int, InvalidInput
from python_backend.stage import Request, Result, Stage, Tensors

Text = str | tuple[str, str]
Words = tuple[list[str], list[str]]
"""A pair of texts that are split into words."""

TOKENIZER = (
    Choice(
        "truncation",
        default="false",
        choices=("false", "true", "longest_first", "only_first", "only_second", "do_not_truncate"),
        doc="Cut a text that is longer than the model takes, or than max_length, instead of refusing it.",
    ),
    Int("max_length", minimum=1, doc="Tokens to keep of a text when truncation is on. Default: what the model takes."),
)
"""Parameters of every task that tokenizes texts."""


def read(tensor: np.ndarray, name: str, max_bytes: int) -> list[str]:
    """The strings of a TYPE_STRING tensor, flat. InvalidInput when one is too long or not UTF-8."""
    return [decode(data, name, max_bytes) for data in tensor.ravel()]


def decode(data: bytes, name: str, max_bytes: int) -> str:
    if len(data) > max_bytes:
        raise InvalidInput(f"{name} has {len(data):,} bytes; this deployment takes {max_bytes:,} (max_text_bytes).")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name} is not valid UTF-8: {error.reason} at byte {error.start}.") from None


class Tokenizer:
    """A checkpoint's tokenizer.json through the tokenizers library, with the limits of the model beside it.

    Args:
        folder: of the checkpoint.
        buckets: the lengths that rows are padded to, the shortest that holds them, for engines that pad nothing
            themselves; none: rows are as long as the longest.
    """

    def __init__(self, folder: Path, buckets: Sequence[int] = ()) -> None:
        if not (file := folder / "tokenizer.json").is_file():
            raise ValueError(f"{folder} has no tokenizer.json: the checkpoint came without a tokenizer")
        self.backend = tokenizers.Tokenizer.from_file(str(file))
        self.backend.no_padding()
        self.backend.no_truncation()
        model_config = read_json(folder, "config.json")
        config = read_json(folder, "tokenizer_config.json")
        self.config = config
        self.max_tokens = max_tokens(model_config, config)
        self.uncut_tokens: int | None = None
        # A tokenizer may name its inputs; otherwise a model that knows one type of tokens needs no ids of types.
        knows_types = model_config.get("type_vocab_size", 2 if model_config.get("model_type") in TWO_TYPES else 1) > 1
        inputs = config.get("model_input_names")
        self.has_token_types = "token_type_ids" in inputs if inputs else knows_types
        special = {**read_json(folder, "special_tokens_map.json"), **config}
        self.special_tokens = {name: token_text(special[name]) for name in SPECIAL_TOKENS if special.get(name)}
        self.buckets = sorted(buckets)
        self.pad_id = (model_config.get("pad_token_id") or 0) if buckets else 0

    @property
    def most_tokens(self) -> int:
        """How many tokens a text may have that is not cut, or not to what the tokenizer says: `uncut_tokens`, or
        `max_tokens` where no more are known to fit."""
        return max(self.uncut_tokens or 0, self.max_tokens)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        decoded = self.backend.decode(ids, skip_special_tokens=skip_special_tokens)
        return clean_up(decoded) if self.config.get("clean_up_tokenization_spaces") else decoded

    def token_id(self, special: str) -> int | None:
        """The id of a special token, "mask_token" say; None when the checkpoint has none."""
        token = self.special_tokens.get(special)
        return None if token is None else self.backend.token_to_id(token)

    def encode(
        self, requests: Sequence[tuple[Sequence[Text], dict[str, Any]]], add_special_tokens: bool = True
    ) -> list[list[tokenizers.Encoding]]:
        """Tokenize the texts (or pairs) of several requests in one call, each under its own parameters (TOKENIZER).

        InvalidInput for a text without tokens, or with more than the model takes unless truncation is on.
        """
        uncut = self.encode_uncut([texts for texts, _ in requests], add_special_tokens)
        return [
            [self.fit(*item, parameters, add_special_tokens) for item in zip(texts, encodings, strict=True)]
            for (texts, parameters), encodings in zip(requests, uncut, strict=True)
        ]

    def encode_uncut(
        self, requests: Sequence[Sequence[Text]], add_special_tokens: bool = True
    ) -> list[list[tokenizers.Encoding]]:
        """Tokenize the texts (or pairs) of several requests in one call, whatever their length.

        InvalidInput for a text without tokens.
        """
        everything = [text for texts in requests for text in texts]
        encodings = self.backend.encode_batch(everything, add_special_tokens=add_special_tokens)
        if not all(map(len, encodings)):
            raise InvalidInput("The text has no tokens; send at least one character that the tokenizer knows.")
        each = iter(encodings)
        return [[next(each) for _ in texts] for texts in requests]

    def fit(
        self, text: Text, encoding: tokenizers.Encoding, parameters: dict[str, Any], add_special_tokens: bool = True
    ) -> tokenizers.Encoding:
        """The encoding of a text, cut where the parameters (TOKENIZER) say so.

        InvalidInput when it has more tokens than the model takes and truncation is off.
        """
        most, strategy = self.most_tokens, parameters["truncation"]
        if strategy in ("false", "do_not_truncate"):
            if len(encoding) > most:
                raise InvalidInput(
                    f"The text has {len(encoding):,} tokens; the model takes {most:,}. "
                    "Shorten it, or send the parameter truncation=true."
                )
            return encoding
        limit = min(parameters["max_length"] or self.max_tokens, most)
        if len(encoding) <= limit:
            return encoding
        strategy = "longest_first" if strategy == "true" else strategy
        return self._cut(text, limit, strategy, add_special_tokens=add_special_tokens)

    def split(
        self,
        text: Text | Words,
        encoding: tokenizers.Encoding,
        limit: int,
        stride: int,
        max_chunks: int,
        sequence: int = 0,
    ) -> list[tokenizers.Encoding]:
        """The text in chunks of at most `limit` tokens, special tokens included, that overlap by `stride` tokens.

        Args:
            encoding: of the uncut text.
            sequence: which text of a pair is split; the other is in every chunk.

        InvalidInput when a chunk has no room for more than the overlap, or there are more than `max_chunks`.
        """
        if len(encoding) <= limit:
            return [encoding]
        tokens = encoding.sequence_ids.count(sequence)
        room = limit - (len(encoding) - tokens)
        if room <= stride:
            raise InvalidInput(
                f"A chunk of {limit:,} tokens has room for {max(room, 0):,} tokens of the text that is split; these "
                f"must be more than the overlap of {stride:,}. Take a smaller stride or longer chunks."
            )
        chunks = 1 + math.ceil((tokens - room) / (room - stride))
        if chunks > max_chunks:
            raise InvalidInput(
                f"The text makes {chunks:,} chunks; this deployment takes {max_chunks:,} (max_rows). "
                "Shorten it, take a smaller stride, or send fewer texts in one request."
            )
        first = self._cut(text, limit, ("only_first", "only_second")[sequence], stride)
        return [first, *first.overflowing]

    def _cut(
        self, text: Text | Words, limit: int, strategy: str, stride: int = 0, add_special_tokens: bool = True
    ) -> tokenizers.Encoding:
        direction = self.config.get("truncation_side", "right")
        self.backend.enable_truncation(limit, stride=stride, strategy=strategy, direction=direction)
        try:
            words = isinstance(text, tuple) and isinstance(text[0], list)
            encoding = self.backend.encode_batch([text], words, add_special_tokens=add_special_tokens)[0]
        except Exception as error:  # the library raises bare exceptions: nothing left to cut
            raise InvalidInput(f"The text cannot be truncated to {limit} tokens by {strategy}: {error}.") from None
        finally:
            self.backend.no_truncation()
        if len(encoding) > limit:  # the library cuts nothing where the special tokens alone are too many
            raise InvalidInput(f"The special tokens alone are more than {limit} tokens: raise max_length.")
        return encoding

    def tensors(self, encodings: Sequence[tokenizers.Encoding]) -> Tensors:
        """input_ids, attention_mask and token_type_ids [rows, longest] INT64, padded on the right: with zeros, and
        token_type_ids are [rows, 0] where the model takes none; or to the length of a bucket, ready for the model."""
        longest = max(len(encoding) for encoding in encodings)
        width = next((bucket for bucket in self.buckets if bucket >= longest), longest)
        input_ids = np.full((len(encodings), width), self.pad_id, np.int64)
        attention_mask = np.zeros_like(input_ids)
        types = self.has_token_types or bool(self.buckets)
        token_type_ids = np.zeros((len(encodings), width if types else 0), np.int64)
        for row, encoding in enumerate(encodings):
            ids = encoding.ids
            input_ids[row, : len(ids)] = ids
            attention_mask[row, : len(ids)] = 1
            if self.has_token_types:
                token_type_ids[row, : len(ids)] = encoding.type_ids
        return {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}


def clean_up(text: str) -> str:
    """A decoded text without the spaces before punctuation and contractions (`clean_up_tokenization`)."""
    for spaced in (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"):
        text = text.replace(spaced, spaced.strip())
    return text


SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")

UNLIMITED = 10**9

# They tell a pair's first text from its second where config.json does not say how many types of tokens there are.
TWO_TYPES = {
    "albert",
    "bert",
    "big_bird",
    "convbert",
    "electra",
    "ernie",
    "layoutlm",
    "megatron-bert",
    "mobilebert",
    "rembert",
    "roformer",
    "splinter",
    "squeezebert",
    "xlnet",
}

# Their positions start behind the padding token's id: RoBERTa's table of 514 holds 512 tokens.
OFFSET_POSITIONS = {
    "camembert",
    "clap_text_model",
    "data2vec-text",
    "esm",
    "ibert",
    "layoutlmv3",
    "lilt",
    "longformer",
    "luke",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
}


def max_tokens(config: dict[str, Any], tokenizer_config: dict[str, Any]) -> int:
    """How many tokens a checkpoint takes: its table of positions, or the tokenizer's own word where that is less."""
    limit = min(tokenizer_config.get("model_max_length") or UNLIMITED, UNLIMITED)
    relative = config.get("model_type") in ("t5", "mt5", "xlnet") or config.get("position_biased_input") is False
    relative = relative or config.get("position_embedding_type") == "rotary"  # ESM's
    positions = None if relative else config.get("max_position_embeddings", config.get("n_positions"))
    if positions and positions > 0:
        if config.get("model_type") in OFFSET_POSITIONS:
            positions -= (config.get("pad_token_id") or 0) + 1
        limit = min(limit, stretched(positions, config))
    return int(limit)


def stretched(positions: int, config: dict[str, Any]) -> int:
    """How many of its rotary positions a model takes, where config.json stretches them beyond those of its training."""
    rotary = config.get("rope_scaling") or config.get("rope_parameters") or {}
    if rotary.get("rope_type", rotary.get("type")) not in ("dynamic", "linear", "yarn"):
        return positions
    trained = rotary.get("original_max_position_embeddings") or positions
    return max(positions, int(trained * (rotary.get("factor") or 1)))


def tokenizer(stage: Stage) -> Tokenizer:
    """Of a stage's checkpoint, under the stage's settings, which scripts/export.py writes for engines that need them:

    length_buckets: the lengths that rows are padded to, "16,32,64". Default: as long as the longest of the request.
    max_tokens: that a text may have, where the engine takes fewer than the model.
    """
    buckets = stage.setting("length_buckets", "")
    loaded = Tokenizer(stage.folder, [int(length) for length in buckets.split(",") if length])
    # A tokenizer may cut to less than the model takes, and the pipelines cut on request alone.
    positions = max_tokens(read_json(stage.folder, "config.json"), {})
    loaded.uncut_tokens = positions if positions < UNLIMITED else None
    if limit := stage.setting("max_tokens", 0):
        loaded.max_tokens = min(loaded.max_tokens, limit)
        loaded.uncut_tokens = None
    return loaded


class TextPreprocess(Stage):
    """TEXT [batch, 1] to token ids [batch, length]: one tokenizer call for all waiting requests.

    Settings, besides those of `tokenizer`: max_text_bytes, of one text. Default 100,000.
    """

    def load(self) -> None:
        self.tokenizer = tokenizer(self)
        self.max_bytes = self.setting("max_text_bytes", 100_000)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        texts = [(self.texts(request), request.parameters) for request in requests]
        return [self.tokenizer.tensors(encodings) for encodings in self.tokenizer.encode(texts)]

    def texts(self, request: Request) -> Sequence[Text]:
        return read(request.tensors["TEXT"], "TEXT", self.max_bytes)
