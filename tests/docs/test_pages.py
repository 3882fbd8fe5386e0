"""What the pages show: commands that exist, code that compiles, everything that a task declares."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import docs
import docs_requests
from tests.docs.blocks import ROOT, Block, blocks, pages
from triton_pipelines.tasks import TASKS as CLIENTS
from triton_pipelines.tasks import find

TASK_PAGES = {f"tasks/{docs.path(task)}": docs.page(task) for task in docs.TASKS}
BLOCKS = [block for name, text in {**pages(), **TASK_PAGES}.items() for block in blocks(name, text)]
WRITTEN = [block for block in BLOCKS if not block.page.startswith("tasks/")]


def params(language: str, of: list[Block] = BLOCKS) -> list[object]:
    return [pytest.param(block, id=f"{block.page}:{block.line}") for block in of if block.language == language]


def test_every_fence_is_found_and_has_a_language() -> None:
    for name, text in {**pages(), **TASK_PAGES}.items():
        found = blocks(name, text)
        assert 2 * len(found) == len(re.findall(r"^```", text, re.M)), name
        assert all(block.language for block in found), name


def test_bash_parses() -> None:
    for block in BLOCKS:
        if block.language == "bash":
            done = subprocess.run(["bash", "-n"], input=block.code, capture_output=True, text=True)
            assert done.returncode == 0, f"{block.page}:{block.line}: {done.stderr}"


@pytest.mark.parametrize("block", params("python"))
def test_python_compiles_and_finds_its_imports(block: Block) -> None:
    compile(block.code, f"{block.page}:{block.line}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for imported in ast.walk(ast.parse(block.code)):
        if isinstance(imported, ast.ImportFrom) and (imported.module or "").startswith(
            ("triton_pip", "python_backend")
        ):
            module = __import__(imported.module or "", fromlist=["*"])
            assert all(hasattr(module, alias.name) for alias in imported.names), block


def test_javascript_parses(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    found = [block for block in BLOCKS if block.language == "js"]
    assert len(found) >= len(docs.TASKS)
    for block in found:
        module = tmp_path / "block.mjs"
        module.write_text(block.code)
        done = subprocess.run([node, "--check", module], capture_output=True, text=True)
        assert done.returncode == 0, f"{block.page}: {done.stderr}"


@pytest.mark.parametrize("block", params("bash", WRITTEN))
def test_commands_of_the_tree_exist(block: Block) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"^(?:.*&& )?make ([a-z]+)", block.code, re.M)) <= targets
    for line in block.code.replace("\\\n", " ").splitlines():
        command = line.split("  #")[0]
        for script in re.findall(r"\bscripts/\w+\.py", command):
            assert (ROOT / script).is_file(), script
            options = set(re.findall(r" (--[a-z][a-z-]+)", command.partition(script)[2]))
            assert not options or options <= options_of(script), f"{script} has no {options - options_of(script)}"


@cache
def options_of(script: str) -> set[str]:
    shown = subprocess.run([sys.executable, ROOT / script, "--help"], capture_output=True, text=True, check=True)
    return set(re.findall(r"--[a-z][a-z-]+", shown.stdout))


@pytest.mark.parametrize("name", pages())
def test_paths_of_the_tree_exist(name: str) -> None:
    """Paths in `code` that begin with a folder of the tree; those with a placeholder stand for many."""
    for path in re.findall(
        r"`((?:scripts|deploy|tests|docs|benchmarks|clients|python_backend|examples)/[\w./-]+)", pages()[name]
    ):
        made_up = "mood_detection" in path
        assert made_up or (ROOT / path).exists(), path


@pytest.mark.parametrize("task", docs.TASKS)
def test_page_names_all_that_a_task_declares(task: str) -> None:
    page = TASK_PAGES[f"tasks/{docs.path(task)}"]
    ensemble = docs.config(task)
    named = [tensor.name for tensor in (*ensemble.input, *ensemble.output)]
    named += [parameter.name for parameter in docs.declared(task)]
    named += [setting.name for setting in docs.settings(task)]
    named += [f"{task}_{stage}" for stage in docs.STAGES]
    assert [name for name in named if f"`{name}`" not in page] == []
    for recipe, *_ in docs.recipes(task):
        assert f"`{recipe}`" in page
    assert docs.config(f"{task}_model").parameters["checkpoint"].string_value in page


@pytest.mark.parametrize("task", docs.TASKS)
def test_every_setting_of_config_pbtxt_is_documented(task: str) -> None:
    assert [setting for setting in docs.settings(task) if not setting.doc] == []


@pytest.mark.parametrize("task", docs.TASKS)
def test_example_fits_the_tensors_and_parameters(task: str) -> None:
    example = docs_requests.EXAMPLES[task]
    ensemble = docs.config(task)
    sent = set(example.inputs) | ({example.file[0]} if example.file and task != "image_text_to_text" else set())
    inputs = {tensor.name: tensor for tensor in ensemble.input}
    assert sent and sent <= set(inputs)
    assert {name for name, tensor in inputs.items() if not tensor.optional} <= sent
    assert set(example.outputs) <= {tensor.name for tensor in ensemble.output}
    docs.declared(task).parse(example.parameters)


@pytest.mark.parametrize("task", docs.TASKS)
def test_client_example_makes_the_tasks_pipeline(task: str) -> None:
    (example,) = (block for block in blocks(task, TASK_PAGES[f"tasks/{docs.path(task)}"]) if block.language == "python")
    made = re.findall(r'\bpipeline\("([\w-]+)"', example.code)
    assert made and {type(find(name)) for name in made} == {type(CLIENTS[docs.task_id(task)])}


def test_parity_rows_are_all_on_a_page() -> None:
    rows = re.findall(r"^\| ([^|]+) \| .* \| .* \|$", (ROOT / "docs/parity.md").read_text(), re.M)
    known = {docs.task_id(task) for task in docs.TASKS} | docs.KINDS.keys() | {"task"}
    assert {name for cell in rows for name in cell.split(", ")} <= known
