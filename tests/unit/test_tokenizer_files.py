"""Tokenizer files as install.py writes them do what transformers 4.48 does with the files that they were made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from installing import tokenizer as tokenizer_files
from installing.errors import InstallError
from installing.slow_tokenizer import ConversionError
from python_backend import languages, text
from tests.tokenizer_cases import (
    GOLDENS,
    SLOW_TEXTS,
    TWO_STEP_TEXTS,
    cases,
    describe,
    slow_cases,
    two_step_cases,
    write,
)

CASES = cases()
TWO_STEP_CASES = two_step_cases()
EXPECTED = json.loads(GOLDENS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_written_files_do_what_transformers_does(name: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    write(CASES[name], source)
    tokenizer_files.write(source, target)
    tokenizer = Tokenizer.from_file(str(target / "tokenizer.json"))
    config = json.loads((target / "tokenizer_config.json").read_text(encoding="utf-8"))
    expected = EXPECTED[name]
    written = describe(tokenizer.encode, tokenizer, {key: config[key] for key in config if key in expected})
    assert written == expected


@pytest.mark.parametrize("name", slow_cases())
def test_slow_tokenizers_become_tokenizers_that_do_the_same(name: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    write(slow_cases()[name], source)
    tokenizer_files.write(source, target)
    tokenizer = text.Tokenizer(target)
    for string, ids in zip(SLOW_TEXTS, EXPECTED[name]["ids"], strict=True):
        assert tokenizer.backend.encode(string).ids == ids, string
    assert tokenizer.config.items() >= EXPECTED[name]["config"].items()


@pytest.mark.parametrize("name", TWO_STEP_CASES)
def test_tokenizers_of_two_steps_do_what_transformers_does(name: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    write(TWO_STEP_CASES[name], source)
    tokenizer_files.write(source, target)
    tokenizer = text.Tokenizer(target)
    taker, mapping = languages.Languages(tokenizer), languages.VocabularyMapping(tokenizer)
    for string, ids in zip(TWO_STEP_TEXTS, EXPECTED[name]["ids"], strict=False):
        rest, frame = taker.take_code(string)
        with languages.framed(tokenizer, frame):
            assert mapping.ids(tokenizer.backend.encode(rest), rest) == ids, string
    decoded = tokenizer.backend.decode_batch(EXPECTED[name]["ids"], skip_special_tokens=True)
    assert decoded == EXPECTED[name]["decoded"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source.spm": b"no model"}, "vocabulary cannot become a tokenizer.json"),
        ({"vocab.json": {"</s>": 0}}, "lacks the unknown token <unk>"),
        (
            {"tokenizer_config.json": {"tokenizer_class": "MarianTokenizer", "separate_vocabs": True}},
            "a vocabulary of its own for what it writes",
        ),
        ({"source.spm": {"type": "bpe", "pieces": ["<unk>", "<0x41>"]}}, "symbols of its user's, or bytes"),
    ],
)
def test_tokenizers_of_two_steps_that_cannot_be_one_are_told(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write({**TWO_STEP_CASES["marian"], **change}, tmp_path)
    with pytest.raises(ConversionError, match=message):
        tokenizer_files.write(tmp_path, tmp_path)


def test_byt5_numbers_the_bytes_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "ByT5Tokenizer"}')
    tokenizer_files.write(tmp_path, tmp_path)
    tokenizer = text.Tokenizer(tmp_path)
    string = "  \u00c9lodie \u2014 \U0001f680\n"
    ids = [byte + 3 for byte in string.encode()]
    assert tokenizer.backend.encode(string).ids == [*ids, 1]
    assert tokenizer.decode([0, *ids, 1], skip_special_tokens=True) == string
    assert tokenizer.decode([0xC3 + 3, ord("a") + 3, 0xF0 + 3]) == "a"  # bytes that are no characters are left out
    assert tokenizer.backend.encode("x<extra_id_1>y").ids == [ord("x") + 3, 260, ord("y") + 3, 1]
    assert tokenizer.special_tokens == {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def test_what_was_written_is_written_the_same_again(tmp_path: Path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    for folder in (once, twice):
        folder.mkdir()
    write(CASES["bert_added_tokens"], tmp_path)
    tokenizer_files.write(tmp_path, once)
    tokenizer_files.write(once, twice)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (once / name).read_text() == (twice / name).read_text()


def test_other_options_are_kept(tmp_path: Path) -> None:
    files: dict[str, Any] = {**CASES["bert"]}
    files["tokenizer_config.json"] = {
        **files["tokenizer_config.json"],
        "chat_template": "{{ x }}",
        "model_max_length": 9,
    }
    write(files, tmp_path)
    tokenizer_files.write(tmp_path, tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert (config["chat_template"], config["model_max_length"]) == ("{{ x }}", 9)


@pytest.mark.parametrize(
    "files",
    [
        {"config.json": {"model_type": "vit"}},
        {"config.json": {"model_type": "wav2vec2"}, "vocab.json": {"a": 0}},
        {"tokenizer_config.json": {"tokenizer_class": "Wav2Vec2CTCTokenizer"}, "vocab.json": {"a": 0}},
    ],
)
def test_checkpoints_without_a_fast_tokenizer_get_no_file(files: dict[str, Any], tmp_path: Path) -> None:
    write(files, tmp_path)
    target = tmp_path / "target"
    target.mkdir()
    tokenizer_files.write(tmp_path, target)
    assert not list(target.iterdir())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"config.json": {"model_type": "marian"}, "vocab.json": {}}, "a MarianTokenizer cannot be converted here"),
        ({"config.json": {"model_type": "bert"}, "vocab.json": {}}, "no vocabulary to make it of"),
        ({"config.json": {"model_type": "xlm"}, "vocab.json": {}}, "a XLMTokenizer .* works in Python alone"),
        ({"tokenizer_config.json": {"tokenizer_class": "CanineTokenizer"}}, "a CanineTokenizer .* in Python alone"),
        ({"config.json": {"model_type": "prophetnet"}, "prophetnet.tokenizer": ""}, "a ProphetNetTokenizer .* alone"),
        ({"config.json": {"model_type": "bert"}, "vocab.txt": "a\nb\n"}, "vocabulary cannot be converted"),
        ({"config.json": {"model_type": "t5"}, "spiece.model": b"no model"}, "vocabulary cannot be converted"),
        ({"tokenizer.json": "{"}, "tokenizer.json is damaged"),
        ({"tokenizer.json": {"model": {}}}, "tokenizer.json is damaged"),
    ],
)
def test_what_cannot_be_converted_is_told(files: dict[str, Any], message: str, tmp_path: Path) -> None:
    write(files, tmp_path)
    with pytest.raises(InstallError, match=message):
        tokenizer_files.write(tmp_path, tmp_path)
