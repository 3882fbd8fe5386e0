"""Small tokenizers of single characters, VITS's and SpeechT5's, and the ids that transformers 4.48 gives texts.

    .oracle/bin/python tests/character_tokenizer_cases.py     # writes tests/goldens/character_tokenizers.json

None of them has a tokenizer.json. SentencePiece models are trained when the ids are recorded, and kept beside them.
"""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

GOLDENS = Path(__file__).parent / "goldens" / "character_tokenizers.json"
LETTERS = ["k", *"abcdefghijlmnopqrstuvwxyz", *" '-", "é", "ţ", "ß"]
MMS = [*LETTERS, "<unk>"]
VITS_OPTIONS = {"pad_token": "k", "unk_token": "<unk>", "add_blank": True, "normalize": True, "phonemize": False}
ADDED = {"content": "<new>", "lstrip": False, "rstrip": False, "normalized": False, "single_word": False}

VITS_TEXTS = [
    "Call me Ishmael.",
    "  ÉLODIE's   cafe\u0301, straße \u2013 STRASSE!",
    "kick the Tack",
    "a<unk>b <UNK> <new>c<NEW> <pad>",
    "SCHule, Sch\tsc\nh",
    "țară Ț",
    "42 日本",
    "",
    "a",
]
SPEECHT5_TEXTS = [
    "Call me Ishmael.",
    "  Call   me\tIshmael\n. ",
    "日本 is 日",
    "a</s>b <unk><pad>c <mask> d",
    "\u2581a b\u2581",
    "½ é e\u0301",
    "",
    " ",
]


def vits_cases() -> dict[str, tuple[list[str], dict[str, Any]]]:
    """The vocabulary and the options of each."""
    return {
        "vits_mms": (MMS, VITS_OPTIONS),
        "vits_no_blank": (MMS, {**VITS_OPTIONS, "add_blank": False}),
        "vits_as_it_is": (MMS, {**VITS_OPTIONS, "normalize": False}),
        "vits_capitals": (["_", *"ABCabc ", "Tack", "sch", "<unk>", "<pad>"], {**VITS_OPTIONS, "pad_token": "_"}),
        "vits_romanian": (MMS, {**VITS_OPTIONS, "language": "ron"}),
        "vits_added": (MMS, {**VITS_OPTIONS, "added_tokens_decoder": {"40": {**ADDED, "special": True}}}),
        "vits_without_pad": (MMS, {**VITS_OPTIONS, "pad_token": "<pad>"}),
    }


def speecht5_cases() -> dict[str, dict[str, Any]]:
    """How SentencePiece is to train the model of each."""
    return {
        "speecht5": {"normalization_rule_name": "identity"},
        "speecht5_blanks": {"normalization_rule_name": "identity", "remove_extra_whitespaces": False},
        "speecht5_bare": {"normalization_rule_name": "identity", "add_dummy_prefix": False},
        "speecht5_rules": {"normalization_rule_tsv": "9\t20\nA\t20\nBD\t31 2F 32\n65 301\tE9\n"},
    }


def write_vits(vocabulary: list[str], options: dict[str, Any], folder: Path) -> None:
    ids = {token: id_ for id_, token in enumerate(vocabulary)}
    (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    config = {"tokenizer_class": "VitsTokenizer", **options}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


def write_speecht5(model: bytes, size: int, folder: Path) -> None:
    (folder / "spm_char.model").write_bytes(model)
    mask = {"content": "<mask>", "lstrip": True, "rstrip": False, "normalized": True, "single_word": False}
    config = {
        "tokenizer_class": "SpeechT5Tokenizer",
        "added_tokens_decoder": {str(size): {**mask, "special": True}},
        "mask_token": "<mask>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


def train(settings: dict[str, Any], folder: Path) -> bytes:
    import sentencepiece

    (folder / "page.txt").write_text("Call me Ishmael.\na b c d\né 1/2\n", encoding="utf-8")
    rules = settings.get("normalization_rule_tsv")
    if rules:
        (folder / "rules.tsv").write_text(rules, encoding="utf-8")
        settings = {"normalization_rule_tsv": str(folder / "rules.tsv")}
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "page.txt"), model_prefix=str(folder / "model"), model_type="char", vocab_size=60,
        hard_vocab_limit=False, bos_id=0, pad_id=1, eos_id=2, unk_id=3, minloglevel=2, **settings,
    )  # fmt: skip
    return (folder / "model.model").read_bytes()


def pieces(model: bytes) -> int:
    """How many pieces a SentencePiece model has."""
    import sentencepiece

    size: int = sentencepiece.SentencePieceProcessor(model_proto=model).get_piece_size()
    return size


def record() -> None:
    import transformers

    transformers.logging.set_verbosity_error()
    goldens: dict[str, Any] = {}
    for name, (vocabulary, options) in vits_cases().items():
        with tempfile.TemporaryDirectory() as folder:
            write_vits(vocabulary, options, Path(folder))
            tokenizer = transformers.VitsTokenizer.from_pretrained(folder)
        goldens[name] = {"ids": [tokenizer(text).input_ids for text in VITS_TEXTS]}
    for name, settings in speecht5_cases().items():
        with tempfile.TemporaryDirectory() as folder:
            model = train(settings, Path(folder))
            size = pieces(model)
            write_speecht5(model, size, Path(folder))
            tokenizer = transformers.SpeechT5Tokenizer.from_pretrained(folder)
        ids = [tokenizer(text).input_ids for text in SPEECHT5_TEXTS]
        goldens[name] = {"model": base64.b64encode(model).decode(), "size": size, "ids": ids}
    lines = [f"{json.dumps(name)}: {json.dumps(golden)}" for name, golden in goldens.items()]
    GOLDENS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    record()
