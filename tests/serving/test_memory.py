"""Pre- and postprocessors of text tasks stay light: no torch in their processes."""

from pathlib import Path

import pytest

from memory import proportional
from repository import read_config
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
    served(name)
    for stage in ("preprocess", "postprocess"):
        process = stub_process(served.folder / task / f"{name}_{stage}")
        assert "libtorch" not in (process / "maps").read_text()
        assert proportional(int(process.name)) <= MAX_PSS_MIB


def stub_process(model: Path) -> Path:
    """/proc/PID of the process that runs a Python model."""
    command = str(model / "1" / "model.py")
    (process,) = (path for path in Path("/proc").glob("[0-9]*") if command in _command_line(path))
    return process


def _command_line(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:  # it ended meanwhile
        return []
