"""A deployment on disk, as the exporter sees it: its model's configuration, folder and stages."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from exporting.errors import ExportError
from repository import deployments, has_weights, install_command, latest_version, task_of

FORWARD = (
    "text_classification",
    "token_classification",
    "question_answering",
    "zero_shot_classification",
    "feature_extraction",
    "fill_mask",
    "image_classification",
    "image_feature_extraction",
    "audio_classification",
)
"""Tasks whose model stage is one forward pass over rows of one kind."""

GENERATES = (
    "automatic_speech_recognition",
    "document_question_answering",
    "image_text_to_text",
    "image_to_text",
    "summarization",
    "text2text_generation",
    "text_generation",
    "text_to_audio",
    "translation",
    "visual_question_answering",
)


@dataclass(frozen=True)
class Deployment:
    """Of one task, with weights."""

    task: str
    name: str
    repository: Path

    @property
    def folder(self) -> Path:
        """The model step's newest version folder, where the weights are."""
        model = f"{self.name}_model"
        return self.repository / model / str(latest_version(self.repository, model))

    def step(self, step: str) -> Path:
        return self.repository / f"{self.name}_{step}"

    def config(self, step: str) -> model_config_pb2.ModelConfig:
        text = (self.step(step) / "config.pbtxt").read_text(encoding="utf-8")
        return text_format.Parse(text, model_config_pb2.ModelConfig())

    def settings(self, step: str) -> dict[str, str]:
        return {name: value.string_value for name, value in self.config(step).parameters.items()}

    def stage(self, step: str, **settings: str) -> Any:
        """A loaded stage, "preprocess" or "model", with its own settings and those given over them."""
        module = importlib.import_module(f"python_backend.tasks.{self.task}")
        folder = self.folder if step == "model" else self.step(step) / self.folder.name
        return getattr(module, step.capitalize()).local(folder, {**self.settings(step), **settings})


def find(task: str, name: str | None, repository: Path) -> Deployment:
    """The deployment to export; ExportError, with the remedy, where there is none or its task has no such engine."""
    task = task.replace("-", "_")
    name = (name or task).replace("-", "_")
    dashed = task.replace("_", "-")
    if task in GENERATES:
        hint = " `--format vllm` configures vLLM for it." if task == "text_generation" else ""
        raise ExportError(f"{dashed} generates: many passes a request, which an exported pass does not make.{hint}")
    if task not in FORWARD:
        raise ExportError(f"{dashed} cannot be exported; these can: {', '.join(FORWARD).replace('_', '-')}")
    check_installed(task, name, repository)
    return Deployment(task, name, repository.resolve())


def check_installed(task: str, name: str, repository: Path) -> None:
    known = [other for other in deployments(repository) if task_of(repository, other) == task]
    if name not in known:
        there = f"only {', '.join(known)}" if known else "none at all"
        raise ExportError(f"{repository} has no deployment {name!r} of {task.replace('_', '-')}, {there}.")
    if not has_weights(repository, name):
        raise ExportError(f"{name} has no weights. Install them: {install_command(repository, name)}")
