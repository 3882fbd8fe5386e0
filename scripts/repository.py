"""A model repository on disk: its deployments (ensembles), their steps, whether their weights are there.

A deployment NAME is four folders: NAME (the ensemble), NAME_preprocess, NAME_model, NAME_postprocess.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

STEPS = ("preprocess", "model", "postprocess")
WEIGHTS = (".safetensors", ".pt2", ".pt", ".onnx", ".plan")
RECORD = "installed.json"
"""What install.py writes beside the weights: task, checkpoint, revision, date."""


def read_config(repository: Path, name: str) -> str:
    """The text of a model's config.pbtxt without its comments; empty when there is none."""
    path = repository / name / "config.pbtxt"
    return re.sub(r"#.*", "", path.read_text(encoding="utf-8")) if path.is_file() else ""


def deployments(repository: Path) -> list[str]:
    """The ensembles of the repository."""
    folders = sorted(repository.iterdir()) if repository.is_dir() else []
    return [folder.name for folder in folders if _is_ensemble(read_config(repository, folder.name))]


def steps(repository: Path, name: str) -> list[str]:
    """The models that an ensemble calls; none for another model."""
    return re.findall(r"""\bmodel_name\s*:\s*["']([^"']+)["']""", read_config(repository, name))


def has_weights(repository: Path, name: str) -> bool:
    """Whether a checkpoint lies in the deployment's model step."""
    return any(path.suffix in WEIGHTS for path in (repository / f"{name}_model").glob("[0-9]*/*"))


def latest_version(repository: Path, model: str) -> int:
    """The highest of a model's version folders; 1 where it has none."""
    return max((int(folder.name) for folder in (repository / model).glob("[0-9]*")), default=1)


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


def _is_ensemble(config: str) -> bool:
    return re.search(r"""\bplatform\s*:\s*["']ensemble["']""", config) is not None
