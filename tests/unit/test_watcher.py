"""The watcher's own book-keeping; what it does to a running server is in tests/faults/test_healing.py."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serving import watcher
from serving.watcher import Stub, Watcher


def test_a_deployment_that_falls_silent_meanwhile_does_not_end_a_healing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server: Any = SimpleNamespace(pid=os.getpid(), repository=tmp_path, names=["one", "other"])
    watching = Watcher(server)
    watching.silent = {"one": "no answer", "other": "no answer"}
    watching.healing = {"model": threading.current_thread()}

    def steps(_repository: Path, name: str) -> list[str]:
        watching.silent.setdefault("third", "no answer")  # as a thread does that asks, while files are read here
        return ["model"] if name == "one" else []

    monkeypatch.setattr(watcher, "steps", steps)
    monkeypatch.setattr(watching, "loaded", set)
    watching.heal("model")
    assert watching.healing == {} and watching.silent.keys() == {"other", "third"}


def test_a_process_is_known_as_soon_as_its_model_is_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that dies before the next look would never be missed."""
    server: Any = SimpleNamespace(pid=os.getpid(), repository=tmp_path, names=[])
    watching = Watcher(server)
    watching.healing = {"model": threading.current_thread()}
    new = {7: Stub("model", "region")}
    monkeypatch.setattr(watching, "loaded", lambda: {"model"})
    monkeypatch.setattr(watching, "load", lambda model: monkeypatch.setattr(watcher, "stubs", lambda pid: new))
    watching.heal("model")
    assert watching.stubs == new
