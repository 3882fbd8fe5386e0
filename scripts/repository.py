"""A model repository on disk: its deployments (ensembles), their steps, whether their weights are there.

A deployment NAME is four folders: NAME (the ensemble), NAME_preprocess, NAME_model, NAME_postprocess.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1] / "model_repository"
"""That of this tree: each task under its own name, the one that commands take by default."""
STEPS = ("preprocess", "model", "postprocess")
WEIGHTS = (".safetensors", ".pt2", ".pt", ".onnx", ".plan")
RECORD = "installed.json"
"""What install.py writes beside the weights: task, checkpoint, revision, date."""


def models(name: str) -> tuple[str, ...]:
    """The four of a deployment: the ensemble and its steps."""
    return name, *(f"{name}_{step}" for step in STEPS)


def read_config(repository: Path, name: str) -> str:
    """The text of a model's config.pbtxt without its comments; empty when there is none."""
    path = repository / name / "config.pbtxt"
    return re.sub(r"#.*", "", path.read_text(encoding="utf-8")) if path.is_file() else ""


def deployments(repository: Path) -> list[str]:
    """The ensembles of the repository."""
    folders = sorted(repository.iterdir()) if repository.is_dir() else []
    return [folder.name for folder in folders if _is_ensemble(read_config(repository, folder.name))]


def tasks() -> list[str]:
    """All tasks, with underscores: the deployments of this tree that are named like their task."""
    return [name for name in deployments(REPOSITORY) if task_of(REPOSITORY, name) == name]


def task_argument(text: str) -> str:
    """A task of a command line, for argparse: with dashes or underscores there, with underscores here."""
    if (task := text.replace("-", "_")) not in tasks():
        raise argparse.ArgumentTypeError(f"no task {text!r}; there are {', '.join(tasks()).replace('_', '-')}")
    return task


def steps(repository: Path, name: str) -> list[str]:
    """The models that an ensemble calls; none for another model."""
    return re.findall(r"""\bmodel_name\s*:\s*["']([^"']+)["']""", read_config(repository, name))


def has_weights(repository: Path, name: str) -> bool:
    """Whether a checkpoint lies in the deployment's model step."""
    model = f"{name}_model"
    files = (file for version in versions(repository, model) for file in (repository / model / str(version)).iterdir())
    return any(file.suffix in WEIGHTS for file in files)


def versions(repository: Path, model: str) -> list[int]:
    """A model's version folders by their numbers, the newest last. As Triton does, others are left aside."""
    return sorted(
        int(folder.name) for folder in (repository / model).glob("*") if re.fullmatch(r"[1-9]\d*", folder.name)
    )


def latest_version(repository: Path, model: str) -> int:
    """The newest of a model's versions; 1 where it has none."""
    return max(versions(repository, model), default=1)


def read_record(repository: Path, name: str) -> dict[str, Any]:
    """What install.py wrote about the deployment's checkpoint; {} when it did not install it."""
    model = f"{name}_model"
    path = repository / model / str(latest_version(repository, model)) / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def task_of(repository: Path, name: str) -> str:
    """The task that a deployment serves: the module of python_backend.tasks that its model stage comes from."""
    model = f"{name}_model"
    path = repository / model / str(latest_version(repository, model)) / "model.py"
    found = re.search(r"python_backend\.tasks\.(\w+)", path.read_text(encoding="utf-8")) if path.is_file() else None
    return found[1] if found else name


def repository_option(repository: Path) -> str:
    """What a command line says of the repository: nothing where it is the default one."""
    return "" if repository.resolve() == REPOSITORY else f" --repository {shlex.quote(str(repository))}"


def install_command(repository: Path, name: str) -> str:
    """What installs a checkpoint for a deployment: that of its task by default, where it is named like its task."""
    task = task_of(repository, name)
    command = f"python scripts/install.py {task.replace('_', '-')}"
    if name != task:
        command += f" --name {name} --checkpoint HUB_ID_OR_FOLDER"
    return command + repository_option(repository)


def _is_ensemble(config: str) -> bool:
    return re.search(r"""\bplatform\s*:\s*["']ensemble["']""", config) is not None
