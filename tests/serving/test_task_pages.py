"""The requests that the documentation shows for each task, sent to a server that has it: curl, JavaScript."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

import docs
import docs_requests
from tests.conftest import ROOT, TASKS, Servers

ARCHITECTURES = {
    "fill_mask": "roberta",  # whose mask is <mask>
    "translation": "t5",  # which takes the task's id
    "text_to_audio": "vits",
    "document_question_answering": "donut",  # which needs no Tesseract
    "visual_question_answering": "vilt",  # which has several answers
    "automatic_speech_recognition": "wav2vec2",
    "image_segmentation": "detr",  # whose scores are numbers: semantic segmentation has none
    "image_text_to_text": "llava",
}
FILES = {
    "cat.jpg": "scene.jpg",
    "street.jpg": "scene.jpg",
    "invoice.png": "document.png",
    "goal.mp4": "short.mp4",
    "dog.flac": "speech.flac",
    "speech.flac": "speech.flac",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, source in FILES.items():
        shutil.copy2(ROOT / "tests/data" / source, tmp_path / name)
    return tmp_path


def run(served: Servers, folder: Path, task: str, program: str, code: str) -> str:
    """What a block prints, sent to a made checkpoint of the task instead of its default deployment."""
    name = f"{task}_{ARCHITECTURES[task]}" if task in ARCHITECTURES else served.names(task)[0]
    code = code.replace(f"http://{docs_requests.HTTP}", served(name).http_url)
    code = code.replace(docs_requests.HTTP, served(name).http_url).replace(f"/models/{task}/", f"/models/{name}/")
    file = folder / {"bash": "block.sh", "node": "block.mjs"}[program]
    file.write_text(code, encoding="utf-8")
    done = subprocess.run([program, file.name], cwd=folder, capture_output=True, timeout=60)
    printed = done.stdout.decode(errors="replace")
    assert done.returncode == 0, printed + done.stderr.decode()
    assert '"error"' not in printed and "error:" not in printed, printed
    return printed


def opened(folder: Path) -> list[tuple[int, int]]:
    """The sizes of the pictures that a block wrote."""
    return [Image.open(file).size for file in sorted(folder.glob("answer*.png"))]


@pytest.mark.parametrize("task", TASKS)
def test_curl(served: Servers, folder: Path, task: str) -> None:
    example = docs_requests.EXAMPLES[task]
    printed = run(served, folder, task, "bash", docs_requests.curl(task))
    if example.pictures and len(example.outputs) == 1:
        assert len(opened(folder)) == 1
    else:
        answer = json.loads(printed)
        given = {output["name"] for output in answer["outputs"]} if "outputs" in answer else answer.keys()
        asked = set(example.outputs or (tensor.name for tensor in docs.config(task).output))
        assert given >= asked - {example.pictures}


@pytest.mark.parametrize("task", TASKS)
def test_javascript(served: Servers, folder: Path, task: str) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    example = docs_requests.EXAMPLES[task]
    printed = run(served, folder, task, "node", docs_requests.javascript(task))
    if example.pictures:
        sizes = opened(folder)
        assert len(sizes) >= 1 and len(set(sizes)) == 1
    else:
        assert printed.strip()


@pytest.mark.parametrize("task", ["text_generation"])
def test_stream(served: Servers, folder: Path, task: str) -> None:
    printed = run(served, folder, task, "bash", docs_requests.stream(task))
    assert printed.count("data: {") > 1
