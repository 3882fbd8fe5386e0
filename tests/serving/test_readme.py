"""The README's commands, run in its order in a copy of the tree.

Three things differ from a newcomer's terminal: ports are free ones, the checkpoint is a made one (its own is on the
Hub), and `make test` is what runs this.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.ports import choose_ports
from tests.docs.blocks import ROOT, blocks, copy_tree

CHECKPOINT = "text_classification_bert"
BLOCKS = blocks("README.md", (ROOT / "README.md").read_text(encoding="utf-8"))


def commands() -> list[str]:
    """The lines of the bash blocks, without their comments."""
    lines = [line for block in BLOCKS if block.language == "bash" for line in block.code.splitlines()]
    return [line.split("  #")[0].strip() for line in lines]


def find(part: str) -> str:
    (command,) = (command for command in commands() if part in command)
    return command


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks, with this tree's environments."""
    copy = copy_tree(tmp_path_factory.mktemp("clone") / "tree")
    (copy / ".perf_analyzer").symlink_to(ROOT / ".perf_analyzer")
    return copy


def run(command: str, tree: Path, timeout: float = 120) -> str:
    done = subprocess.run(["bash", "-c", command], cwd=tree, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Served:
    """The README's server on free ports, and its commands with these ports."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.ports = choose_ports("127.0.0.1", 0, 0, 0)

    def with_ports(self, text: str) -> str:
        for name, port in zip(("8000", "8001", "8002"), self.ports, strict=True):
            text = text.replace(f"localhost:{name}", f"localhost:{port}")
        return text

    def run(self, command: str) -> str:
        return run(self.with_ports(command), self.tree)


@pytest.fixture(scope="module")
def served(tree: Path, checkpoints: Path) -> Iterator[Served]:
    run(f"{find('install.py text-classification')} --checkpoint {checkpoints / CHECKPOINT}", tree)
    readme = Served(tree)
    http, grpc, metrics = readme.ports
    serve = f"{find('serve.py text-classification')} --http-port {http} --grpc-port {grpc} --metrics-port {metrics}"
    with subprocess.Popen(["bash", "-c", f"exec {serve}"], cwd=tree, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            report = ""
            while "Ctrl+C" not in report:  # its last line
                line = server.stdout.readline()
                assert line, report
                report += line
            yield readme
        finally:
            server.terminate()
            started = time.monotonic()
            assert server.wait(10) == 0
            assert time.monotonic() - started < 5


def test_the_two_commands(tree: Path) -> None:
    assert commands()[:2] == ["make demo", "make test"]
    output = run("make demo", tree, timeout=300)
    assert re.search(r"Can the police search my home.*\n\n  0\.\d\d  IV\. ", output)
    question = 'make demo QUESTION="May women vote?"'
    assert re.search(r"May women vote\?\n\n  0\.\d\d  X(IX|V|XVI|XIV)\. ", run(question, tree))


def test_the_clients_example(served: Served) -> None:
    (example,) = (block.code for block in BLOCKS if block.language == "python")
    (served.tree / "example.py").write_text(served.with_ports(example))
    single, many, *streamed = (eval(line) for line in served.run(".venv/bin/python example.py").splitlines())
    assert [set(result) for result in single] == [{"label", "score"}]
    assert [len(results) for results in many] == [2, 2]
    assert len(streamed) == 3


def test_curl(served: Served) -> None:
    answer = json.loads(served.run(find("curl")))
    assert len(answer["LABEL"]) == len(answer["SCORE"]) == 2


def test_perf_analyzer(served: Served) -> None:
    command = find("scripts/perf_analyzer.py")
    output = served.run(f"{command} --url localhost:8001")
    assert re.search(r"^\d+\.\d requests/s at concurrency 16$", output, re.M)
    assert "latency p50" in output
