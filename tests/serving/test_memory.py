"""Pre- and postprocessors of text tasks stay light: no torch in their processes."""

from pathlib import Path

import pytest

from repository import read_config
from serving.processes import proportional
from serving.watcher import stubs
from tests.conftest import ROOT, TASKS, Servers

pytestmark = pytest.mark.alone

MAX_PSS_MIB = 60
MEDIA = ("IMAGE", "VIDEO", "AUDIO")
TEXT_TASKS = [
    task
    for task in TASKS
    if not any(f'name: "{medium}"' in read_config(ROOT / "model_repository", task) for medium in MEDIA)
]


@pytest.mark.parametrize("task", TEXT_TASKS)
def test_text_stages_are_light(served: Servers, task: str) -> None:
    name = served.names(task)[0]
    processes = {stub.model: pid for pid, stub in stubs(served(name).pid).items()}
    for stage in ("preprocess", "postprocess"):
        pid = processes[f"{name}_{stage}"]
        assert "libtorch" not in Path(f"/proc/{pid}/maps").read_text()
        assert proportional(pid) <= MAX_PSS_MIB
