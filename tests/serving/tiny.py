"""A deployment of three models that hand a text on, without weights to speak of: for tests of the server itself."""

from __future__ import annotations

from pathlib import Path

TENSORS = """
input [ { name: "TEXT" data_type: TYPE_STRING dims: [ 1 ] } ]
output [ { name: "OUT" data_type: TYPE_STRING dims: [ 1 ] } ]
"""
STEP = """
name: "%s"
backend: "python"
max_batch_size: 8
instance_group [ { kind: KIND_CPU count: 1 } ]
"""
ENSEMBLE = """
name: "%s"
platform: "ensemble"
max_batch_size: 8
"""
MODEL = """
import os, signal, sys, time
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def initialize(self, args):
        {initialize}

    def execute(self, requests):
        texts = [pb_utils.get_input_tensor_by_name(request, "TEXT").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", text)]) for text in texts]

    def finalize(self):
        {finalize}
"""


def deploy(repository: Path, name: str, initialize: str = "pass", finalize: str = "pass") -> Path:
    """Write a deployment whose model step runs the given statements; returns the folder of that step's version."""
    ensemble = ENSEMBLE % name + TENSORS + "ensemble_scheduling {\n"
    tensors = ("TEXT", "first", "second", "OUT")
    for step, before, after in zip(("preprocess", "model", "postprocess"), tensors, tensors[1:], strict=False):
        code = (initialize, finalize) if step == "model" else ("pass", "pass")
        _write(repository / f"{name}_{step}/config.pbtxt", STEP % f"{name}_{step}" + TENSORS)
        _write(repository / f"{name}_{step}/1/model.py", MODEL.format(initialize=code[0], finalize=code[1]))
        ensemble += (
            f'  step {{ model_name: "{name}_{step}" model_version: -1 input_map {{ key: "TEXT" value: "{before}" }}'
            f' output_map {{ key: "OUT" value: "{after}" }} }}\n'
        )
    _write(repository / name / "config.pbtxt", ensemble + "}\n")
    (repository / name / "1").mkdir(exist_ok=True)
    version = repository / f"{name}_model/1"
    (version / "model.safetensors").touch()
    return version


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
