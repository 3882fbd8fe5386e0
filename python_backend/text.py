"""Text: bytes to strings to token ids, with limits. No torch: a text stage stays small."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers

from python_backend.checkpoint import read_json
from python_backend.parameters import Choice, Int, InvalidInput
from python_backend.stage import Request, Result, Stage, Tensors

Text = str | tuple[str, str]

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
    """A checkpoint's tokenizer.json through the tokenizers library, with the limits of the model beside it."""

    def __init__(self, folder: Path) -> None:
        self.backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.backend.no_padding()
        self.backend.no_truncation()
        model_config = read_json(folder, "config.json")
        config = read_json(folder, "tokenizer_config.json")
        self.config = config
        self.max_tokens = max_tokens(model_config, config)
        # A tokenizer may name its inputs; otherwise a model that knows one type of tokens needs no ids of types.
        knows_types = model_config.get("type_vocab_size", 2 if model_config.get("model_type") in TWO_TYPES else 1) > 1
        inputs = config.get("model_input_names")
        self.has_token_types = "token_type_ids" in inputs if inputs else knows_types
        special = {**read_json(folder, "special_tokens_map.json"), **config}
        self.special_tokens = {name: _content(special[name]) for name in SPECIAL_TOKENS if special.get(name)}

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
        everything = [text for texts, _ in requests for text in texts]
        encodings = iter(self.backend.encode_batch(everything, add_special_tokens=add_special_tokens))
        return [
            [self._fit(text, next(encodings), parameters, add_special_tokens) for text in texts]
            for texts, parameters in requests
        ]

    def _fit(
        self, text: Text, encoding: tokenizers.Encoding, parameters: dict[str, Any], add_special_tokens: bool
    ) -> tokenizers.Encoding:
        if not len(encoding):
            raise InvalidInput("The text has no tokens; send at least one character that the tokenizer knows.")
        limit, strategy = self.max_tokens, parameters["truncation"]
        if strategy in ("false", "do_not_truncate"):
            if len(encoding) > limit:
                raise InvalidInput(
                    f"The text has {len(encoding):,} tokens; the model takes {limit:,}. "
                    "Shorten it, or send the parameter truncation=true."
                )
            return encoding
        limit = min(parameters["max_length"] or limit, limit)
        return encoding if len(encoding) <= limit else self._truncated(text, limit, strategy, add_special_tokens)

    def _truncated(self, text: Text, limit: int, strategy: str, add_special_tokens: bool) -> tokenizers.Encoding:
        strategy = "longest_first" if strategy == "true" else strategy
        self.backend.enable_truncation(limit, strategy=strategy)
        try:
            return self.backend.encode_batch([text], add_special_tokens=add_special_tokens)[0]
        except Exception as error:  # the library raises bare exceptions: nothing left to cut
            raise InvalidInput(f"The text cannot be truncated to {limit} tokens by {strategy}: {error}.") from None
        finally:
            self.backend.no_truncation()

    def tensors(self, encodings: Sequence[tokenizers.Encoding]) -> Tensors:
        """input_ids, attention_mask and token_type_ids [rows, longest] INT64, padded with zeros on the right;
        token_type_ids are [rows, 0] where the model takes none."""
        width = max(len(encoding) for encoding in encodings)
        input_ids = np.zeros((len(encodings), width), np.int64)
        attention_mask = np.zeros_like(input_ids)
        token_type_ids = np.zeros((len(encodings), width if self.has_token_types else 0), np.int64)
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
    "data2vec-text",
    "ibert",
    "layoutlmv3",
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
    positions = None if relative else config.get("max_position_embeddings", config.get("n_positions"))
    if positions and positions > 0:
        if config.get("model_type") in OFFSET_POSITIONS:
            positions -= (config.get("pad_token_id") or 0) + 1
        limit = min(limit, positions)
    return int(limit)


class TextPreprocess(Stage):
    """TEXT [batch, 1] to token ids [batch, length]: one tokenizer call for all waiting requests.

    Settings: max_text_bytes, of one text. Default 100,000.
    """

    def load(self) -> None:
        self.tokenizer = Tokenizer(self.folder)
        self.max_bytes = self.setting("max_text_bytes", 100_000)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        texts = [(self.texts(request), request.parameters) for request in requests]
        return [self.tokenizer.tensors(encodings) for encodings in self.tokenizer.encode(texts)]

    def texts(self, request: Request) -> Sequence[Text]:
        return read(request.tensors["TEXT"], "TEXT", self.max_bytes)


def _content(token: str | dict[str, Any]) -> str:
    return token if isinstance(token, str) else token["content"]
