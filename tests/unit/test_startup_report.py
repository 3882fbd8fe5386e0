"""The line to try that serve.py prints."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serving.startup_report import _try


@pytest.fixture
def server(tmp_path: Path) -> Any:
    return SimpleNamespace(repository=tmp_path, http_url="http://127.0.0.1:8000", grpc_url="127.0.0.1:8001")


def config(inputs: str, output: str = "TYPE_STRING") -> dict[str, Any]:
    """Inputs as "TEXT TEXT_PAIR?"; ? is optional."""
    tensors = [{"name": name.rstrip("?"), "optional": name.endswith("?")} for name in inputs.split()]
    return {"input": tensors, "output": [{"name": "OUT", "data_type": output}]}


def deploy(repository: Path, name: str, task: str) -> None:
    for step in ("model", "preprocess"):
        (repository / f"{name}_{step}/1").mkdir(parents=True)
    (repository / f"{name}_model/1/model.py").write_text(f"from python_backend.tasks.{task} import Model")
    (repository / f"{name}_preprocess/1/tokenizer_config.json").write_text(json.dumps({"mask_token": "<mask>"}))


@pytest.mark.parametrize(
    ("inputs", "names"),
    [
        ("TEXT TEXT_PAIR?", {"TEXT"}),
        ("TEXT? MESSAGES?", {"TEXT"}),
        ("QUESTION CONTEXT", {"QUESTION", "CONTEXT"}),
        ("TEXT CANDIDATE_LABELS", {"TEXT", "CANDIDATE_LABELS"}),
    ],
)
def test_curl_sends_what_is_needed(server: Any, inputs: str, names: set[str]) -> None:
    command, _, body = _try(server, {"mine": config(inputs)}).partition(" -d ")
    assert command == "curl http://127.0.0.1:8000/v2/models/mine/generate"
    assert set(json.loads(body.strip("'"))) == names


def test_a_text_for_fill_mask_has_its_mask(server: Any) -> None:
    deploy(server.repository, "mine", "fill_mask")
    assert "what the <mask> knows" in _try(server, {"mine": config("TEXT")})


def test_answers_that_can_be_read_come_first(server: Any) -> None:
    assert "/second/" in _try(server, {"first": config("TEXT", "TYPE_FP32"), "second": config("TEXT")})


def test_files_go_through_the_client(server: Any) -> None:
    deploy(server.repository, "mine", "image_classification")
    expected = "python -m triton_pipelines image-classification FILE --model mine --url 127.0.0.1:8001"
    for inputs in ("IMAGE", "AUDIO? SAMPLES? SAMPLING_RATE?", "QUESTION IMAGE? WORDS?", "IMAGE? TEXT? MESSAGES?"):
        assert _try(server, {"mine": config(inputs)}) == expected
