"""ByT5Tokenizer, which numbers the bytes of a text, as a tokenizers.Tokenizer. It has no vocabulary file."""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

NAME = "ByT5Tokenizer"
SPECIAL = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
"""The tokens before the bytes."""
EXTRA = 125
"""Tokens behind the bytes, <extra_id_0> and so on, where the options name no others."""
NO_CHARACTER = "\ufffd"
"""What the decoder makes of bytes that are no character; ByT5Tokenizer leaves these out."""


def convert(options: dict[str, Any], added: dict[int, AddedToken]) -> Tokenizer:
    """The tokenizer of the class.

    Args:
        options: the class's arguments, special tokens among them; they get its defaults.
        added: further tokens by their ids.
    """
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    special = []
    for key, default in SPECIAL.items():
        token = options.setdefault(key, default)
        special.append(AddedToken(token, lstrip=True, rstrip=True) if isinstance(token, str) else token)
    named = options.get("additional_special_tokens")
    extra = [f"<extra_id_{number}>" for number in range(options.get("extra_ids", EXTRA))] if named is None else named
    letters = bytes_to_unicode()
    tokens = [*(token.content for token in special), *(letters[byte] for byte in range(256))]
    tokenizer = Tokenizer(models.BPE({token: id_ for id_, token in enumerate(tokens)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Replace(NO_CHARACTER, "")])
    behind = [token for id_, token in sorted(added.items()) if id_ >= len(tokens)]
    tokenizer.add_special_tokens([*special, *(behind or map(_token, extra))])
    end = special[1].content
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["$A", end], pair=["$A", end, "$B", end], special_tokens=[(end, tokens.index(end))]
    )
    return tokenizer


def _token(token: str | dict[str, Any] | AddedToken) -> str | AddedToken:
    if isinstance(token, dict):
        return AddedToken(token["content"], **{key: token[key] for key in ("lstrip", "rstrip") if key in token})
    return token
