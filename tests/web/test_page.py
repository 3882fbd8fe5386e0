"""The page: which tabs there are, and how it is started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import gradio
import pytest

from triton_pipelines import Unsupported, cli, tasks
from triton_pipelines.deployments import Deployment
from triton_pipelines.web import app
from triton_pipelines.web.page import page
from triton_pipelines.web.tabs import failure


def tabs(deployments: list[Deployment]) -> list[str]:
    blocks = page(deployments, refuse, "localhost:8001")
    return [str(each.label) for each in blocks.blocks.values() if isinstance(each, gradio.Tab)]


def refuse(task: str, model: str) -> Any:
    raise AssertionError("nothing is asked before somebody does")


def served(*names: str) -> list[Deployment]:
    return [Deployment(name.replace("-", "_"), name, True) for name in names]


def test_a_tab_for_each_task_that_is_served_and_ready() -> None:
    more = [Deployment("other", None, True), Deployment("fill_mask", "fill-mask", False)]
    assert tabs([*served("summarization", "text-classification"), *more]) == ["text-classification", "summarization"]
    assert tabs([]) == []


def test_many_tabs_stand_in_groups() -> None:
    names = tabs(served(*tasks.TASKS))
    groups = ["Text", "Pictures", "Pictures and text", "Audio"]
    assert [name for name in names if name in groups] == groups
    assert set(names) - {*groups, "Chat", "Prompt"} == set(tasks.TASKS)


def test_a_task_with_several_deployments_lets_choose() -> None:
    reviews = Deployment("reviews", "text-classification", True)
    blocks = page([*served("text-classification"), reviews], refuse, "localhost:8001")
    (chosen,) = [
        each
        for each in blocks.blocks.values()
        if isinstance(each, gradio.Dropdown) and each.label == "Deployment" and each.visible
    ]
    assert [name for name, _ in chosen.choices] == ["text_classification", "reviews"]


def test_errors_are_told_with_their_status() -> None:
    told = failure(Unsupported("the server does not do this"))
    assert (told["label"], told["value"]) == ("Error: UNSUPPORTED", "the server does not do this")
    assert failure(None)["visible"] is False


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    calls: list[Any] = []
    monkeypatch.setattr(app, "serve", lambda *arguments: calls.append(arguments))
    yield calls


def test_one_command_starts_it(started: list[Any]) -> None:
    assert cli.main(["web"]) == 0
    assert cli.main(["web", "http://host:1", "--host", "::", "--port", "7000", "-H", "key=1"]) == 0
    assert started == [
        ("localhost:8001", {}, "127.0.0.1", 7860),
        ("http://host:1", {"key": "1"}, "::", 7000),
    ]


def test_no_server_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["web", "127.0.0.1:1"]) == 1
    assert "is the server up" in capsys.readouterr().err


def test_without_gradio_it_says_what_to_install() -> None:
    hide = "import sys; sys.modules['gradio'] = None; from triton_pipelines.__main__ import main; main(['web'])"
    done = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'triton-pipelines[web]'" in done.stderr
