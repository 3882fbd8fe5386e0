"""SpeechT5Tokenizer, a SentencePiece model of single characters, as a tokenizers.Tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, processors

from installing import sentencepiece

FILE = "spm_char.model"
NAME = "SpeechT5Tokenizer"


def convert(folder: Path, options: dict[str, Any], added: dict[int, AddedToken]) -> Tokenizer:
    """The tokenizer of the class. ValueError for a model of another kind.

    Args:
        options: the class's arguments, special tokens among them.
        added: further tokens by their ids.
    """
    model = sentencepiece.read(folder / FILE)
    user_defined = any(piece.type == sentencepiece.USER_DEFINED for piece in model.pieces)
    if model.trainer_spec.model_type != sentencepiece.CHARACTERS or user_defined:
        raise ValueError(f"{FILE} is no model of single characters")
    given = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", **options}
    vocabulary = {piece.piece: id_ for id_, piece in enumerate(model.pieces)}
    unknown, end = str(given["unk_token"]), str(given["eos_token"])
    # A run of unknown characters is one token, as SentencePiece has it.
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token=unknown, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(list(_steps(model.normalizer_spec)))
    scheme: Any = "always" if model.normalizer_spec.add_dummy_prefix else "never"
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme, split=False)
    special = [str(given[name]) for name in ("bos_token", "eos_token", "unk_token", "pad_token")]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    tokenizer.add_tokens([_as_it_came(token) for _, token in sorted(added.items(), key=itemgetter(0))])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["$A", end], pair=["$A", "$B", end], special_tokens=[(end, vocabulary[end])]
    )
    return tokenizer


def _as_it_came(token: AddedToken) -> AddedToken:
    """The token, to be looked for in the text as it came, which is how the class looks for all of them."""
    sides = {"lstrip": token.lstrip, "rstrip": token.rstrip, "single_word": token.single_word}
    return AddedToken(token.content, normalized=False, special=token.special, **sides)


def _steps(settings: Any) -> Iterator[normalizers.Normalizer]:
    """What SentencePiece does to a text, in its order. Only blanks count as white space, and what is cut at the end is
    the symbol that stands for them, even where the text itself has it."""
    if settings.precompiled_charsmap:
        yield normalizers.Precompiled(settings.precompiled_charsmap)
    if settings.remove_extra_whitespaces:
        yield normalizers.Replace(Regex(r"\A +"), "")
        yield normalizers.Replace(Regex(" {2,}"), " ")
    if settings.add_dummy_prefix:
        yield normalizers.Prepend(sentencepiece.BLANK)
    yield normalizers.Replace(" ", sentencepiece.BLANK)
    if settings.remove_extra_whitespaces:
        yield normalizers.Replace(Regex(rf"{sentencepiece.BLANK}+\z"), "")
