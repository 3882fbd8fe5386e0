"""The benchmark's parts, without measuring anything."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

import precision
from benchmarking import chart, page, reference, results
from benchmarking.results import Result
from benchmarking.workloads import INPUTS, WORKLOADS, enlarged
from repository import task_argument
from tests.conftest import ROOT, TASKS

RESULT = Result(
    task="fill_mask", load="", concurrency=1, engine="float32", parameters=7, rate=50.0, rate_low=49.0, rate_high=51.5,
    p50=20.0, p95=21.0, p99=22.5, padding=0.125, requests_per_execution=1.0, outside=1.0, queued=0.5, preprocess=2.0,
    model=16.0, postprocess=0.5, memory_triton=80.0, memory_preprocess=25.0, memory_model=300.0,
    memory_postprocess=25.0,
    one=40.0, batched=100.0, batch_size=8, forward=125.0, forward_one=62.5, machine="a CPU", versions="v", command="c",
)  # fmt: skip
LOADED = dataclasses.replace(RESULT, concurrency=16, rate=90.0)


def test_every_task_has_a_workload() -> None:
    assert sorted(WORKLOADS) == sorted(workload.task for workload in WORKLOADS.values()) == TASKS


@pytest.mark.parametrize("command", ["ask", "benchmark", "memory", "precision", "soak"])
def test_commands_take_tasks_and_nothing_else(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert [task_argument("fill-mask"), task_argument("fill_mask")] == ["fill_mask"] * 2
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr("sys.argv", [command, "no-task"])
        importlib.import_module(command).main()
    assert ended.value.code == 2 and "no task 'no-task'; there are audio-classification" in capsys.readouterr().err


def test_widths_and_depths_grow_and_nothing_else() -> None:
    config = {"hidden_size": 48, "num_hidden_layers": 2, "vocab_size": 100, "text_config": {"d_model": 16}, "dim": None}
    assert enlarged(config) == {
        "hidden_size": 768, "num_hidden_layers": 6, "vocab_size": 100, "text_config": {"d_model": 256}, "dim": None,
    }  # fmt: skip


def test_ratios_at_concurrency_1_are_to_a_single_row() -> None:
    assert RESULT.ratios == (50 / 40, 50 / 100, 50 / 62.5)
    assert LOADED.ratios == (90 / 40, 90 / 100, 90 / 125)


def test_results_are_kept_by_task_load_concurrency_and_engine(tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    results.keep([RESULT, LOADED], file)
    faster = dataclasses.replace(RESULT, rate=60.0)
    kept = results.keep([faster, dataclasses.replace(RESULT, engine="aoti")], file)
    assert kept == results.read(file)
    assert [(line.concurrency, line.engine, line.rate) for line in kept] == [
        (1, "aoti", 50.0), (1, "float32", 60.0), (16, "float32", 90.0),
    ]  # fmt: skip


def test_the_chart_has_each_task_and_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    chart.draw([RESULT, LOADED], first)
    chart.draw([RESULT, LOADED], second)
    assert first.read_bytes() == second.read_bytes() and b"fill_mask" in first.read_bytes()


def test_the_page_has_the_tables_between_its_marks(tmp_path: Path) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text(page.PAGE.read_text())
    page.update([RESULT, LOADED], copy)
    text = copy.read_text()
    assert (
        "| fill-mask | float32 | 16 | 90" in text and "| fill-mask | 5% | 2% | 10% | 80% | 2% | 20 | 16 | 350 |" in text
    )
    page.update([RESULT, LOADED], copy)
    assert copy.read_text() == text


def test_the_docs_say_what_the_file_says(tmp_path: Path) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text(page.PAGE.read_text())
    kept = results.read()
    assert {line.task for line in kept} == set(TASKS)
    page.update(kept, copy)
    assert copy.read_text() == page.PAGE.read_text()


@pytest.mark.parametrize("task", TASKS)
def test_the_pipeline_gets_what_perf_analyzer_sends(task: str, tmp_path: Path) -> None:
    question = reference.Question(task, "", "", str(INPUTS / f"{task}.json"), "float32", {}, 1)
    rows, keywords = reference.inputs(question, tmp_path)
    sent = json.loads((INPUTS / f"{task}.json").read_text())["data"]
    assert len(rows) == len(sent)
    for row, entry in zip(rows, sent, strict=True):
        if "IMAGE" in entry:
            path = row if isinstance(row, str) else row["image"] if isinstance(row, dict) else _picture(row)
            assert Path(path).read_bytes()[:4] in (b"\xff\xd8\xff\xe0", b"\x89PNG")
        if "AUDIO" in entry:
            assert row.startswith(b"fLaC")
        if "TEXT" in entry:
            assert row == reference.values("TEXT", entry["TEXT"], tmp_path)[0]
        assert ("candidate_labels" in keywords) == ("CANDIDATE_LABELS" in entry)


def _picture(messages: list[dict[str, list[dict[str, str]]]]) -> str:
    (picture,) = (part["image"] for message in messages for part in message["content"] if part["type"] == "image")
    return picture


def test_answers_are_as_near_as_their_farthest_number() -> None:
    want = [{"label": "a", "score": 0.5}, {"label": "b", "score": 0.25}]
    assert precision.nearness(want, want) == "within_0.0001"
    assert precision.nearness([want[0], {"label": "b", "score": 0.255}], want) == "within_0.01"
    assert precision.nearness(want[::-1], want) == "other"
    assert precision.nearness(np.ones(2, np.float32), np.full(2, 1.05, np.float32)) == "within_0.1"


def test_model_analyzer_is_asked_for_deployments_that_there_are() -> None:
    recipe = yaml.safe_load((ROOT / "deploy" / "model_analyzer.yaml").read_text())
    (name,) = recipe["profile_models"]
    assert name in TASKS and set(recipe["cpu_only_composing_models"]) == {f"{name}_preprocess", f"{name}_postprocess"}
    assert (ROOT / recipe["profile_models"][name]["perf_analyzer_flags"]["input-data"]).is_file()
