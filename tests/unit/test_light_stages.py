"""Pre- and postprocessors are small: they do without PyTorch, and most of them without transformers."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from install import install
from tests.conftest import ROOT, TASKS
from tests.faults.hostile import good
from tests.unit.test_repository import config

ARCHITECTURES = {
    "audio_classification": ["wav2vec2", "hubert", "ast", "whisper"],
    "automatic_speech_recognition": ["wav2vec2", "moonshine", "whisper"],
    "document_question_answering": ["layoutlm", "layoutlm_bert", "layoutlmv3", "donut"],
    "image_text_to_text": ["llava", "llava_onevision", "qwen2_vl", "idefics3"],
    "table_question_answering": ["wtq", "tapex_large"],
    "text_to_audio": ["vits", "bark", "musicgen"],
    "video_classification": ["videomae", "vivit"],
    "zero_shot_audio_classification": ["fused", "unfused"],
}
"""Where one made checkpoint does not stand for all of a task's."""


def loaded(task: str, checkpoints: list[Path], repository: Path, **more: np.ndarray) -> dict[str, list[str]]:
    """The large libraries of light_stages.py, the preprocessors being sent a request that they answer.

    more: tensors of it.
    """
    tensors, parameters = good(task)
    for checkpoint in checkpoints:
        install(task, checkpoint=str(checkpoint), name=checkpoint.name, repository=repository)
    requests = {checkpoint.name: ({**tensors, **more}, parameters) for checkpoint in checkpoints}
    command = [sys.executable, "-m", "tests.unit.light_stages", task, str(repository)]
    done = subprocess.run(command, input=pickle.dumps(requests), capture_output=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("task", TASKS)
def test_stages_are_light(task: str, checkpoints: Path, tmp_path: Path) -> None:
    if task in ARCHITECTURES:
        some = [checkpoints / f"{task}_{name}" for name in ARCHITECTURES[task]]
    else:
        some = [min(checkpoints.glob(f"{task}_*"))]
    media = {"IMAGE", "VIDEO", "AUDIO", "TABLE"} & {tensor.name for tensor in config(task).input}
    for stage, libraries in loaded(task, some, tmp_path).items():
        assert libraries in ([], ["transformers"] if media and stage != "postprocess" else []), stage


def test_numbers_in_words_for_speecht5_need_transformers(checkpoints: Path, tmp_path: Path) -> None:
    voice = np.zeros((1, 16), np.float32)
    found = loaded("text_to_audio", [checkpoints / "text_to_audio_speecht5"], tmp_path, SPEAKER_EMBEDDING=voice)
    assert found == {"postprocess": [], "text_to_audio_speecht5": ["transformers"]}


def test_pytorch_is_loaded_where_an_image_processor_needs_it(checkpoints: Path, tmp_path: Path) -> None:
    name = "image_segmentation_mask2former"
    found = loaded("image_segmentation", [checkpoints / name], tmp_path)
    assert found == {"postprocess": [], name: ["torch", "transformers"]}
