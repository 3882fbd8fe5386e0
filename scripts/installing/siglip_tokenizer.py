"""SiglipTokenizer, a SentencePiece model of lower-case words without punctuation, as a tokenizers.Tokenizer."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from installing import sentencepiece

FILE = "spiece.model"
NAME = "SiglipTokenizer"


def convert(folder: Path, options: dict[str, Any], added: dict[int, AddedToken]) -> Tokenizer:
    """The tokenizer of the class.

    Args:
        options: the class's arguments, special tokens among them.
        added: further tokens by their ids.
    """
    model = sentencepiece.read(folder / FILE)
    pieces = [(piece.piece, piece.score) for piece in model.pieces]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=model.trainer_spec.unk_id))
    steps: list[normalizers.Normalizer] = [normalizers.Replace(sentencepiece.BLANK, " ")]
    if options.get("do_lower_case", True):
        steps.append(normalizers.Lowercase())
    steps += [
        normalizers.Replace(Regex(f"[{re.escape(string.punctuation)}]"), ""),
        normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(left=False, right=True),
        normalizers.Prepend(sentencepiece.BLANK),
    ]
    if model.normalizer_spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    end = str(options["eos_token"])
    names = dict.fromkeys(str(options[name]) for name in ("eos_token", "unk_token", "pad_token"))
    tokenizer.add_special_tokens([AddedToken(name, lstrip=True, rstrip=True, normalized=False) for name in names])
    tokenizer.add_tokens([token for _, token in sorted(added.items()) if token.content not in names])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["$A", end], pair=["$A", end, "$B", end], special_tokens=[(end, tokenizer.token_to_id(end))]
    )
    return tokenizer
