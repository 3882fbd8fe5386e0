"""Ensembles on checkpoints that are installed, or changed, for a test."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from install import install
from tests.unit.ensemble import Ensemble


class Ensembles(dict[str, Ensemble]):
    """Those of a task's made checkpoints that a test asks for: ensembles["t5"]."""

    def __init__(self, task: str, checkpoints: Path, **settings: str) -> None:
        self.task, self.checkpoints, self.settings = task, checkpoints, settings

    def folder(self, name: str) -> Path:
        """Where the checkpoint lies."""
        return self.checkpoints / f"{self.task}_{name}"

    def __missing__(self, name: str) -> Ensemble:
        self[name] = Ensemble(self.task, self.folder(name), **self.settings)
        return self[name]


class InstalledEnsembles(Ensembles):
    """Checkpoints whose files are made ready first, as install.py does."""

    def __init__(self, task: str, checkpoints: Path, repository: Path, **settings: str) -> None:
        super().__init__(task, checkpoints, **settings)
        self.repository = repository

    def folder(self, name: str) -> Path:
        """The version folder of the model step."""
        folder = self.repository / f"{name}_model" / "1"
        if not folder.is_dir():
            install(self.task, checkpoint=str(super().folder(name)), name=name, repository=self.repository)
        return folder


def changed(source: Path, folder: Path, **config: Any) -> Path:
    """A copy of a checkpoint, with other settings in its config.json."""
    shutil.copytree(source, folder)
    file = folder / "config.json"
    known = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**known, **config}), encoding="utf-8")
    return folder
