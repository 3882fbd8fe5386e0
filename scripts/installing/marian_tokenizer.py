"""Tokenizers of two steps, MarianTokenizer and M2M100Tokenizer, as one tokenizers.Tokenizer.

There a SentencePiece model cuts the text into pieces, and vocab.json says which id a piece has. Neither is a part of
the other, so that the model of the Tokenizer holds
    the entries of vocab.json under their ids: those that SentencePiece never gives behind HIDDEN, so that no text holds
        them (Marian's has the pieces of the target language too), which the decoder removes;
    the tokens of M2M100's languages, whose ids follow;
    pieces that vocab.json lacks: their ids are above all others, and stand for the unknown token.
What a Tokenizer cannot do is left to who encodes (python_backend/languages.py): ids from `mapped_vocabulary_size` on
are unknown, and what SentencePiece does not know is looked up in vocab.json all the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from installing import sentencepiece

HIDDEN = "\uffff"
"""A noncharacter."""
FILES = {"MarianTokenizer": "source.spm", "M2M100Tokenizer": "sentencepiece.bpe.model"}
"""The SentencePiece model of each class."""
WMT21 = ("en", "ha", "is", "ja", "cs", "ru", "zh", "de")
"""The languages of an M2M100Tokenizer with language_codes="wmt21"."""


def is_mapped(folder: Path, name: str) -> bool:
    """Whether the folder has the files that the class `name` reads."""
    return name in FILES and (folder / FILES[name]).is_file() and (folder / "vocab.json").is_file()


def convert(folder: Path, name: str, options: dict[str, Any], languages: list[str]) -> tuple[Tokenizer, int]:
    """The tokenizer of the class `name`, and its `mapped_vocabulary_size`. ValueError where none can be made.

    Args:
        options: the class's arguments, special tokens among them.
        languages: tokens of the languages that the class numbers behind vocab.json: "__en__".
    """
    if options.get("separate_vocabs"):
        raise ValueError("the checkpoint has a vocabulary of its own for what it writes (separate_vocabs)")
    if options.get("language_codes") == "wmt21":
        languages = [f"__{code}__" for code in WMT21]
    ids: dict[str, int] = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    model = read_model(folder / FILES[name])
    scores = {piece.piece: piece.score for piece in model.pieces if piece.type == sentencepiece.NORMAL}
    special = [str(options[key]) for key in ("eos_token", "unk_token", "pad_token", "bos_token") if options.get(key)]
    special += [*languages, *(str(token) for token in options.get("additional_special_tokens") or ())]
    tokens = {id_: token for token, id_ in ids.items()}
    tokens |= {len(ids) + number: token for number, token in enumerate(languages)}
    size = max(tokens) + 1
    entries = [named(tokens.get(id_, str(id_)), scores, special) for id_ in range(size)]
    entries += [piece for piece in scores if piece not in ids]
    unknown = str(options["unk_token"])
    if unknown not in ids:
        raise ValueError(f"vocab.json lacks the unknown token {unknown}")

    tokenizer = Tokenizer(tokenizer_model(model, entries, scores, ids[unknown], unknown))
    set_spaces(tokenizer, model)
    tokenizer.add_special_tokens(
        [AddedToken(token, normalized=False, special=True) for token in special if token in entries]
    )
    end = str(options["eos_token"])
    first = [f"__{options.get('src_lang') or 'en'}__"] if languages else []
    known = [(token, entries.index(token)) for token in (*first, end)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[*first, "$A", end], pair=[*first, "$A", "$B", end], special_tokens=known
    )
    return tokenizer, size


def set_spaces(tokenizer: Tokenizer, model: Any) -> None:
    """What stands for spaces on the way in and out, and the model's own normalizer before it."""
    charsmap = model.normalizer_spec.precompiled_charsmap
    tokenizer.normalizer = normalizers.Sequence(
        [
            *([normalizers.Precompiled(charsmap)] if charsmap else []),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Replace(Regex("^ +| +$"), ""),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(HIDDEN, ""),
            decoders.Replace(sentencepiece.BLANK, " "),
            decoders.Fuse(),
            decoders.Replace(Regex("^ +| +$"), ""),
        ]
    )


def read_model(file: Path) -> Any:
    """A SentencePiece model; ValueError for one with pieces that a Tokenizer treats in another way."""
    model = sentencepiece.read(file)
    if any(piece.type in (sentencepiece.USER_DEFINED, sentencepiece.BYTE) for piece in model.pieces):
        raise ValueError(f"{file.name} has symbols of its user's, or bytes")
    if model.trainer_spec.model_type not in (sentencepiece.UNIGRAM, sentencepiece.BPE):
        raise ValueError(f"{file.name} is neither a Unigram nor a BPE model")
    return model


def named(token: str, scores: dict[str, float], special: list[str]) -> str:
    return token if token in scores or token in special else HIDDEN + token


def tokenizer_model(
    model: Any, entries: list[str], scores: dict[str, float], unknown_id: int, unknown: str
) -> models.Model:
    if model.trainer_spec.model_type == sentencepiece.UNIGRAM:
        return models.Unigram([(entry, scores.get(entry, 0.0)) for entry in entries], unknown_id)
    from transformers.convert_slow_tokenizer import generate_merges

    ranks = {piece: rank for rank, piece in enumerate(scores)}
    merges = generate_merges(ranks, list(scores.items()))
    vocabulary = {entry: id_ for id_, entry in enumerate(entries)}
    return models.BPE(vocabulary, merges, unk_token=unknown, fuse_unk=True)
