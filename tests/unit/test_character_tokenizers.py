"""Tokenizers of single characters, VITS's and SpeechT5's, do what transformers 4.48 does with the same files."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tokenizers import Tokenizer

from installing import tokenizer as tokenizer_files
from installing.slow_tokenizer import ConversionError
from python_backend.parameters import InvalidInput
from python_backend.vits_tokenizer import VitsTokenizer
from tests.character_tokenizer_cases import (
    GOLDENS,
    MMS,
    SPEECHT5_TEXTS,
    VITS_OPTIONS,
    VITS_TEXTS,
    speecht5_cases,
    vits_cases,
    write_speecht5,
    write_vits,
)

EXPECTED = json.loads(GOLDENS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", vits_cases())
def test_vits(name: str, tmp_path: Path) -> None:
    write_vits(*vits_cases()[name], tmp_path)
    tokenizer = VitsTokenizer(tmp_path)
    for string, ids in zip(VITS_TEXTS, EXPECTED[name]["ids"], strict=True):
        assert tokenizer.ids(string) == ids, string


def test_vits_takes_a_text_as_it_is_where_asked(tmp_path: Path) -> None:
    write_vits(MMS, VITS_OPTIONS, tmp_path)
    tokenizer = VitsTokenizer(tmp_path)
    given = [tokenizer.ids(string, normalize=False) for string in VITS_TEXTS]
    assert given == EXPECTED["vits_as_it_is"]["ids"] != EXPECTED["vits_mms"]["ids"]


def test_vits_without_an_unknown_token_refuses_unknown_characters(tmp_path: Path) -> None:
    write_vits(["k", "a"], {**VITS_OPTIONS, "unk_token": "<none>", "normalize": False}, tmp_path)
    assert VitsTokenizer(tmp_path).ids("aa") == [0, 1, 0, 1, 0]
    with pytest.raises(InvalidInput, match="does not know"):
        VitsTokenizer(tmp_path).ids("ab")


def test_vits_writes_other_letters_in_latin_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_vits(MMS, {**VITS_OPTIONS, "is_uroman": True, "add_blank": False}, tmp_path)
    monkeypatch.setitem(sys.modules, "uroman", None)
    tokenizer = VitsTokenizer(tmp_path)
    assert tokenizer.ids("Riben") == [MMS.index(letter) for letter in "riben"]
    with pytest.raises(InvalidInput, match="romanized"):
        tokenizer.ids("日本")
    uroman = SimpleNamespace(Uroman=lambda: SimpleNamespace(romanize_string={"日本": "riben!"}.get))
    monkeypatch.setitem(sys.modules, "uroman", uroman)
    assert VitsTokenizer(tmp_path).ids("日本") == [MMS.index(letter) for letter in "riben"]


def test_vits_reads_phonemes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_vits(MMS, {**VITS_OPTIONS, "phonemize": True, "add_blank": False}, tmp_path)
    monkeypatch.setitem(sys.modules, "phonemizer", None)
    with pytest.raises(ImportError, match="espeak"):
        VitsTokenizer(tmp_path)

    def phonemize(string: str, **options: Any) -> str:
        assert options["language"] == "en-us" and options["with_stress"]
        return {"call": "kol \n X"}[string]

    monkeypatch.setitem(sys.modules, "phonemizer", SimpleNamespace(phonemize=phonemize))
    expected = [*(MMS.index(letter) for letter in "kol "), MMS.index("<unk>")]
    assert VitsTokenizer(tmp_path).ids("Call") == expected


@pytest.mark.parametrize("name", speecht5_cases())
def test_speecht5(name: str, tmp_path: Path) -> None:
    write_speecht5(base64.b64decode(EXPECTED[name]["model"]), EXPECTED[name]["size"], tmp_path)
    target = tmp_path / "target"
    target.mkdir()
    tokenizer_files.write(tmp_path, target)
    tokenizer = Tokenizer.from_file(str(target / "tokenizer.json"))
    for string, ids in zip(SPEECHT5_TEXTS, EXPECTED[name]["ids"], strict=True):
        assert tokenizer.encode(string).ids == ids, string


def test_a_damaged_model_of_speecht5_is_told(tmp_path: Path) -> None:
    write_speecht5(b"no model", 4, tmp_path)
    with pytest.raises(ConversionError, match="vocabulary cannot become"):
        tokenizer_files.write(tmp_path, tmp_path)


def test_a_model_of_longer_pieces_is_told(tmp_path: Path) -> None:
    from tests.tokenizer_cases import sentencepiece

    write_speecht5(sentencepiece({"type": "bpe", "pieces": ["<unk>", "<s>", "</s>", "ab"]}), 4, tmp_path)
    with pytest.raises(ConversionError, match="no model of single characters"):
        tokenizer_files.write(tmp_path, tmp_path)
