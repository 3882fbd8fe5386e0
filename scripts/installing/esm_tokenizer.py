"""EsmTokenizer, which knows the residues of proteins and finds them wherever they stand in a text, as a
tokenizers.Tokenizer."""

from __future__ import annotations

import re
from operator import itemgetter
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, processors

FILE = "vocab.txt"
NAME = "EsmTokenizer"
SPECIAL = ("unk_token", "cls_token", "pad_token", "mask_token", "eos_token")


def convert(folder: Path, options: dict[str, Any], added: dict[int, AddedToken]) -> Tokenizer:
    """The tokenizer of the class.

    Args:
        options: the class's arguments, special tokens among them.
        added: further tokens by their ids.
    """
    lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    vocabulary = {line.strip(): id_ for id_, line in enumerate(lines)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=str(options["unk_token"])))
    # What stands between tokens is one that is unknown.
    known = "|".join(map(re.escape, sorted(filter(None, vocabulary), key=len, reverse=True)))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(known), "isolated")]
    )
    special = [str(options[name]) for name in SPECIAL if options.get(name)]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    tokenizer.add_tokens([token for _, token in sorted(added.items(), key=itemgetter(0))])
    first, last = (str(options[name]) for name in ("cls_token", "eos_token"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[first, "$A", last],
        pair=[first, "$A", last, "$B", last],
        special_tokens=[(token, vocabulary[token]) for token in (first, last)],
    )
    return tokenizer
