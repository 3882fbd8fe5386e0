"""What tests share: made checkpoints, one running server a task with all of its deployments, and the machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from install import install
from serving.embedded_server import EmbeddedServer

ROOT = Path(__file__).parents[1]
TASKS = sorted(folder.name.removesuffix("_preprocess") for folder in (ROOT / "model_repository").glob("*_preprocess"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--task", help="run one task's tests alone: fill-mask")
    parser.addoption("--overload", type=float, default=5, help="seconds that tests/faults overloads a server")
    parser.addoption("--hostile-requests", type=int, default=2000, help="generated bad input a task in tests/faults")
    parser.addoption("--kills", type=int, default=3, help="how often tests/faults kills a process in a row")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --task: not even read the modules of other tasks, which import much."""
    task = (config.getoption("--task") or "").replace("-", "_")
    other = collection_path.stem.removeprefix("test_")
    return True if task in TASKS and other in TASKS and other != task else None


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in its own
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--task"):
        task = config.getoption("--task").replace("-", "_")
        if task not in TASKS:
            raise pytest.UsageError(f"--task {task}: choose one of {', '.join(TASKS)}")
        others = [item for item in items if not _belongs_to(item, task)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    items.sort(key=_server)  # the server of each task starts once
    for item in items:  # with pytest -n: all tests of a server, and all of a module, in one process
        item.add_marker(pytest.mark.xdist_group(_server(item) or item.path.stem))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    with machine(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def machine(alone: bool) -> Iterator[None]:
    """The machine to oneself, or to the tests of other processes of pytest too. Who wants it alone waits at a gate that
    nobody passes meanwhile, or others would always be there."""
    gate, inside = (os.open(folder, os.O_RDONLY) for folder in (ROOT, ROOT / "tests"))
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(inside, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
    finally:
        os.close(inside)
        os.close(gate)


def _belongs_to(item: pytest.Item, task: str) -> bool:
    return item.path.stem == f"test_{task}" or bool(_named(item) & {task, f"{task}_preprocess", f"{task}_model"})


def _server(item: pytest.Item) -> str:
    """The task whose server a test asks, by its parameters, its module's TASK or name; "" where it asks none."""
    if not isinstance(item, pytest.Function) or "checkpoints" not in item.fixturenames:
        return ""
    if "served" not in item.fixturenames or item.path.stem == "test_readme":  # which has a server of its own
        return ""
    named = _named(item) & set(TASKS)
    return named.pop() if named else getattr(item.module, "TASK", item.path.stem.removeprefix("test_"))


def _named(item: pytest.Item) -> set[str]:
    """The strings among the parameters of a test."""
    values = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
    return {value for value in values if isinstance(value, str)}


@pytest.fixture(scope="session")
def checkpoints() -> Path:
    """The folder of made checkpoints, made first where they are missing."""
    subprocess.run([sys.executable, ROOT / "scripts/make_checkpoints.py"], check=True, stdout=subprocess.DEVNULL)
    return ROOT / ".checkpoints"


class Servers:
    """One server at a time: all made checkpoints of a task, each deployed under its own name, loopback, free ports."""

    def __init__(self, checkpoints: Path, folder: Path) -> None:
        self.checkpoints, self.folder = checkpoints, folder
        self.task = ""
        self.server: EmbeddedServer | None = None

    def __call__(self, name: str) -> EmbeddedServer:
        """The running server that has the deployment `name`, a made checkpoint `<task>_<architecture>`."""
        task = max((task for task in TASKS if name.startswith(task)), key=len)
        if task != self.task:
            self.stop()
            self.task = task
            self.server = self.start(task)
        if self.server is None:
            pytest.fail(f"the server of {task} did not start for the first test that asked for it")
        return self.server

    def names(self, task: str) -> list[str]:
        return sorted(path.name for path in self.checkpoints.glob(f"{task}_*"))

    def start(self, task: str) -> EmbeddedServer:
        repository = self.folder / task
        for name in self.names(task):
            install(task, checkpoint=str(self.checkpoints / name), name=name, repository=repository)
        # Nothing is under way when it stops: what does not end at once is killed.
        return EmbeddedServer(repository, self.names(task), stop_timeout=0.5).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
        if self.task:
            shutil.rmtree(self.folder / self.task)
        self.server, self.task = None, ""


@pytest.fixture(scope="session")
def served(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """served("fill_mask_bert") is the running server with that deployment."""
    servers = Servers(checkpoints, tmp_path_factory.mktemp("repository"))
    yield servers
    servers.stop()
