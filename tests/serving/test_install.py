"""Checkpoints are served alike however they are stored, under any name, and can be exchanged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from install import install
from serving.embedded_server import EmbeddedServer
from triton_pipelines import pipeline

TEXTS = ["I love it", "Unaffable, isn't it?", "the of and"]


@pytest.fixture
def source(checkpoints: Path) -> Path:
    return checkpoints / "text_classification_bert"


def scores(server: EmbeddedServer, name: str) -> np.ndarray:
    with pipeline("text-classification", url=server.grpc_url, model=name) as classify:
        answers = classify(TEXTS, top_k=None)
    return np.array([sorted((answer["label"], answer["score"]) for answer in row) for row in answers])[..., 1].astype(
        float
    )


def copy(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target))


def in_shards(folder: Path) -> Path:
    tensors = load_file(folder / "model.safetensors")
    shards = {key: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, key in enumerate(tensors)}
    for shard in set(shards.values()):
        save_file({key: tensors[key] for key in tensors if shards[key] == shard}, folder / shard, {"format": "pt"})
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    return folder


def as_pickle(folder: Path) -> Path:
    tensors = {key: torch.from_numpy(value) for key, value in load_file(folder / "model.safetensors").items()}
    torch.save(tensors, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def with_vocabulary_alone(folder: Path) -> Path:
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)) + "\n")
    for name in ("tokenizer.json", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)
    return folder


def test_stored_in_whatever_way_under_whatever_name_it_answers_the_same(source: Path, tmp_path: Path) -> None:
    stored = {
        "whole": source,
        "shards": in_shards(copy(source, tmp_path / "shards")),
        "pickle": as_pickle(copy(source, tmp_path / "pickle")),
        "old_vocabulary": with_vocabulary_alone(copy(source, tmp_path / "old")),
    }
    repository = tmp_path / "repository"
    for name, folder in stored.items():
        install("text-classification", checkpoint=str(folder), name=name, repository=repository, allow_pickle=True)
    with EmbeddedServer(repository, list(stored)) as server:
        expected = scores(server, "whole")
        assert expected.std() > 0.01
        for name in stored:
            np.testing.assert_array_equal(scores(server, name), expected)


def test_a_running_server_keeps_its_checkpoint_until_it_loads_the_new_one(
    source: Path, checkpoints: Path, tmp_path: Path
) -> None:
    install("text-classification", checkpoint=str(source), repository=tmp_path)
    with EmbeddedServer(tmp_path, ["text_classification"]) as server:
        before = scores(server, "text_classification")
        other = checkpoints / "text_classification_distilbert"
        install("text-classification", checkpoint=str(other), repository=tmp_path)
        np.testing.assert_array_equal(scores(server, "text_classification"), before)
    with EmbeddedServer(tmp_path, ["text_classification"]) as server:
        after = scores(server, "text_classification")
    assert after.shape != before.shape or not np.allclose(after, before)
