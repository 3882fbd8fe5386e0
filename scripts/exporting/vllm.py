"""vLLM for text generation: configurations for Triton's vLLM backend, with the ensemble's own inputs and outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from exporting import configuration
from exporting.configuration import Config
from exporting.deployment import Deployment, check_installed
from exporting.errors import ExportError
from python_backend import checkpoint, text

ENGINE = "model.json"
NAME = "vllm"
REQUEST = """
output { name: "text_input" data_type: TYPE_STRING dims: 1 }
output { name: "stream" data_type: TYPE_BOOL dims: 1 }
output { name: "sampling_parameters" data_type: TYPE_STRING dims: 1 }
output { name: "exclude_input_in_output" data_type: TYPE_BOOL dims: 1 }
"""
"""What the backend is given, by the names that it has for it."""


def write(task: str, name: str | None, repository: Path, dtype: str | None, max_length: int | None) -> list[Path]:
    """model.json, and vllm.pbtxt of the ensemble, the preprocessor and the model step."""
    task = task.replace("-", "_")
    if task != "text_generation":
        raise ExportError("--format vllm is for text-generation.")
    deployment = Deployment(task, (name or task).replace("-", "_"), repository.resolve())
    check_installed(task, deployment.name, deployment.repository)
    engine = deployment.folder / ENGINE
    engine.write_text(json.dumps(engine_arguments(deployment, dtype, max_length), indent=2) + "\n", encoding="utf-8")
    comment = "Written by scripts/export.py: text generation by vLLM.\nChosen with --model-config-name=vllm."
    ensemble = text_format.Parse((deployment.repository / deployment.name / "config.pbtxt").read_text(), Config())
    made = {
        deployment.step("preprocess"): preprocess(deployment.config("preprocess"), ensemble),
        deployment.step("model"): model(deployment.config("model").name),
        deployment.repository / deployment.name: with_vllm(ensemble),
    }
    return [engine, *(configuration.write(step, NAME, config, comment) for step, config in made.items())]


def engine_arguments(deployment: Deployment, dtype: str | None, max_length: int | None) -> dict[str, Any]:
    """vLLM's AsyncEngineArgs. The weights are those that lie beside them."""
    installed = checkpoint.read_json(deployment.folder, "installed.json")
    config = checkpoint.read_json(deployment.folder, "config.json")
    longest = text.max_tokens(config, {})
    arguments: dict[str, Any] = {
        "model": str(deployment.folder),
        "tokenizer": str(deployment.folder),
        "dtype": dtype or "auto",
        "gpu_memory_utilization": 0.85,
        "trust_remote_code": bool(installed.get("trust_remote_code", False)),
    }
    if max_length or longest < text.UNLIMITED:
        arguments["max_model_len"] = min(max_length or longest, longest)
    return arguments


def model(name: str) -> Config:
    """The model step: vLLM batches by itself, and answers a stream with many responses."""
    outputs = REQUEST.replace("output {", "input {")
    made = text_format.Parse(outputs, Config(name=name, backend="vllm", max_batch_size=0))
    made.output.add(name="text_output", data_type=configuration.TYPES.Value("TYPE_STRING"), dims=[-1])
    made.model_transaction_policy.decoupled = True
    made.instance_group.add(count=1, kind="KIND_MODEL")
    return made


def preprocess(config: Config, ensemble: Config) -> Config:
    """The preprocessor: STOP as well, and what vLLM asks for in place of token ids."""
    made = Config()
    made.CopyFrom(config)
    known = {tensor.name for tensor in made.input}
    made.input.extend(tensor for tensor in ensemble.input if tensor.name not in known)
    del made.output[:]
    made = text_format.Merge(REQUEST, made)
    configuration.set_parameters(made, engine="vllm")
    return made


def with_vllm(ensemble: Config) -> Config:
    """The ensemble of the same name, inputs and outputs, of two steps."""
    made = Config()
    made.CopyFrom(ensemble)
    first, second, _ = made.ensemble_scheduling.step
    del made.ensemble_scheduling.step[2]
    first.input_map.clear()
    first.output_map.clear()
    second.input_map.clear()
    second.output_map.clear()
    for tensor in made.input:
        first.input_map[tensor.name] = tensor.name
    for tensor in text_format.Parse(REQUEST, Config()).output:
        first.output_map[tensor.name] = second.input_map[tensor.name] = tensor.name
    second.output_map["text_output"] = made.output[0].name
    return made
