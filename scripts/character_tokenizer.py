"""SpeechT5Tokenizer, a SentencePiece model of single characters, as a tokenizers.Tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

FILE = "spm_char.model"
NAME = "SpeechT5Tokenizer"
USER_DEFINED, CHARACTERS = 4, 4


class CharacterModelError(ValueError):
    """No such Tokenizer can be made; the message says why."""


def convert(folder: Path, options: dict[str, Any]) -> Tokenizer:
    """The tokenizer of the class.

    Args:
        options: the class's arguments, special tokens among them.
    """
    from transformers.convert_slow_tokenizer import import_protobuf

    protocol: Any = import_protobuf()
    model = protocol.ModelProto()
    model.ParseFromString((folder / FILE).read_bytes())
    if model.trainer_spec.model_type != CHARACTERS or any(piece.type == USER_DEFINED for piece in model.pieces):
        raise CharacterModelError(f"{FILE} is no model of single characters")
    given = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", **options}
    vocabulary = {piece.piece: id_ for id_, piece in enumerate(model.pieces)}
    unknown, end = str(given["unk_token"]), str(given["eos_token"])
    # A run of unknown characters is one token, as SentencePiece has it.
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token=unknown, fuse_unk=True))
    steps: list[Any] = []
    if charsmap := model.normalizer_spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(charsmap))
    if model.normalizer_spec.remove_extra_whitespaces:
        steps += [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    scheme: Any = "always" if model.normalizer_spec.add_dummy_prefix else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme, split=False)
    special = [str(given[name]) for name in ("bos_token", "eos_token", "unk_token", "pad_token")]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["$A", end], pair=["$A", "$B", end], special_tokens=[(end, vocabulary[end])]
    )
    return tokenizer
