"""Served speed of each task, against pipeline() and the bare forward pass, on this machine, in one run.

    make benchmark TASK=text-classification                # an encoder of MiniLM's size
    make benchmark                                         # every task; about an hour on two cores
    python scripts/benchmark.py text-classification --engines float32 bfloat16 aoti aoti-bfloat16

perf_analyzer drives the ensemble over gRPC on the same cores. pipeline() of transformers 4.48.1 runs in .oracle, in a
process of its own with all cores as threads, on the same input: one row after the other, and in batches (the best of 1,
8 and 32); the forward pass is timed inside it. Both run in turn. Results go to benchmarks/results.csv and results.svg,
and into docs/performance.md. A busy machine is refused: its other work would be measured too.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarking import chart, page, results
from benchmarking.reference import Question, Reference
from benchmarking.results import Result
from benchmarking.workloads import WORKLOADS, Load, Workload
from install import install
from perf_analyzer import Measurement, measure
from repository import STEPS, models, task_argument
from serving.embedded_server import EmbeddedServer
from serving.processes import proportional
from serving.watcher import stubs

ROOT = Path(__file__).resolve().parent.parent
ORACLE = ROOT / ".oracle" / "bin" / "python"
ENGINES = ("float32", "bfloat16", "aoti", "aoti-bfloat16")
Known = dict[tuple[Path, str, int], Reference]
BUSY = 0.1
"""Share of the machine that other work may take."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", type=task_argument, metavar="TASK", help="default: every task")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["float32"], help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=1, help="runs of each measurement (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, help="of a window of perf_analyzer; default: time for two requests a place, 1 to 20 s"
    )
    arguments = parser.parse_args()
    if not ORACLE.exists():
        parser.error("pipeline() of transformers 4.48.1 is missing: run python3 scripts/setup.py oracle")
    print(machine(), flush=True)
    for task in arguments.tasks or WORKLOADS:
        workload = WORKLOADS[task]
        found = list(benchmark(workload, arguments.engines, arguments.runs, arguments.seconds))
        kept = results.keep(found)
        chart.draw(kept)
        page.update(kept)


def benchmark(workload: Workload, engines: Sequence[str], runs: int, seconds: float | None) -> list[Result]:
    """All loads of a task with each of the engines; they are printed as they come."""
    found = []
    known: Known = {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = make_checkpoint(workload, Path(folder, "checkpoint"))
        loads = workload.loads(checkpoint, Path(folder))
        for engine in engines:
            repository = Path(folder, engine)
            with serve(workload, checkpoint, repository, engine) as server:
                for load in loads:
                    found.append(compare(server, workload, checkpoint, engine, load, runs, seconds, known))
                    print(f"\n{found[-1]}", flush=True)
    return found


def serve(workload: Workload, checkpoint: Path, repository: Path, engine: str) -> EmbeddedServer:
    """A server, not started, of the checkpoint on an engine."""
    install(workload.task, checkpoint=str(checkpoint), repository=repository)
    compiled, dtype = engine.startswith("aoti"), dtype_of(engine)
    if not compiled:
        set_dtype(repository, workload.task, dtype)
        return EmbeddedServer(repository, [workload.task])
    command = [sys.executable, str(ROOT / "scripts" / "export.py"), workload.task, "--format", "aoti", "--dtype", dtype]
    subprocess.run([*command, "--repository", str(repository)], check=True, stdout=subprocess.DEVNULL)
    return EmbeddedServer(repository, [workload.task], model_config_name="aoti")


def dtype_of(engine: str) -> str:
    return engine.rpartition("-")[2] if engine != "aoti" else "float32"


def compare(
    server: EmbeddedServer,
    workload: Workload,
    checkpoint: Path,
    engine: str,
    load: Load,
    runs: int,
    seconds: float | None,
    known: Known,
) -> Result:
    """pipeline() and the served task in turn; loads of the same input share each run of pipeline()."""

    def reference(dtype: str, run: int) -> Reference:
        key = load.data, dtype, run
        if key not in known:
            check_idle()
            known[key] = ask_pipeline(workload, checkpoint, dtype, load)
        return known[key]

    task, dtype = workload.task, dtype_of(engine)
    warm_up = (*load.options, "--request-count", str(max(20, 3 * load.concurrency)))
    warm = measure(task, server.grpc_url, data=load.data, concurrency=load.concurrency, options=warm_up)
    seconds = seconds or min(20.0, max(1.0, math.ceil(2 * load.concurrency / warm.requests_per_second)))
    references, bare, measured, before = [], [], [], observe(server, task)
    for run in range(runs):
        references.append(reference("float32", run))
        bare.append(reference(dtype, run))
        check_idle()
        measured.append(steady(server, task, load, seconds))
    spent = observe(server, task) - before
    rate = [run.requests_per_second for run in measured]
    requests = spent.requests
    return Result(
        task=task,
        load=load.title,
        concurrency=load.concurrency,
        engine=engine,
        parameters=references[0].parameters,
        rate=statistics.median(rate),
        rate_low=min(rate),
        rate_high=max(rate),
        **{name: median(measured, name) for name in ("p50", "p95", "p99")},
        padding=spent.padding / max(1, spent.tokens + spent.padding),
        requests_per_execution=requests[1] / spent.executions,
        outside=max(0.0, median(measured, "mean") - spent.whole / requests[1]),
        queued=float(spent.queued.sum() / requests[1]),
        **{step: float(spent.worked[at] / requests[at]) for at, step in enumerate(STEPS)},
        **memory(server, task),
        one=median(references, "one"),
        batched=median(references, "batched"),
        batch_size=references[0].batch_size,
        forward=median(bare, "forward"),
        forward_one=median(bare, "forward_one"),
        machine=machine(),
        versions=versions(server),
        command=f"scripts/benchmark.py {task} --engines {engine} --runs {runs} --seconds {seconds:g}",
    )


def steady(server: EmbeddedServer, task: str, load: Load, seconds: float) -> Measurement:
    """Three windows that agree by half; where none of ten do, of the longer ones."""

    def windows(length: float) -> Measurement:
        options = ("--measurement-interval", str(int(length * 1000)), "--stability-percentage", "50")
        return measure(
            task, server.grpc_url, data=load.data, concurrency=load.concurrency, options=(*load.options, *options)
        )

    try:
        return windows(seconds)
    except RuntimeError as error:
        if "stable" not in str(error):
            raise
        return windows(3 * seconds)


def median(of: Sequence[Measurement | Reference], name: str) -> float:
    return statistics.median(getattr(each, name) for each in of)


def ask_pipeline(workload: Workload, checkpoint: Path, dtype: str, load: Load) -> Reference:
    """One run of pipeline() in the oracle's environment."""
    question = Question(
        workload.task, workload.recipe, str(checkpoint), str(load.data), dtype, dict(load.parameters), seconds=1
    )
    script = ROOT / "scripts" / "benchmarking" / "reference.py"
    command = [str(ORACLE), str(script), json.dumps(dataclasses.asdict(question))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pipeline() failed:\n{done.stderr}")
    return Reference(**json.loads(done.stdout.splitlines()[-1]))


@dataclasses.dataclass(frozen=True)
class Spent:
    """Of all requests since the server's start; times in milliseconds. Arrays have an entry a step."""

    requests: np.ndarray
    worked: np.ndarray
    queued: np.ndarray
    whole: float
    """In the ensemble."""
    executions: int
    """Of the model step."""
    tokens: float
    padding: float

    def __sub__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, name) - getattr(other, name) for name in vars(self)))


def observe(server: EmbeddedServer, task: str) -> Spent:
    """By Triton's statistics and metrics."""
    whole, *steps = (statistics_of(server, model) for model in models(task))
    spent = {
        kind: np.array([float(step["inference_stats"][kind].get("ns", 0)) / 1e6 for step in steps])
        for kind in ("success", "queue")
    }
    with urllib.request.urlopen(server.metrics_url, timeout=10) as answer:
        metrics = answer.read().decode()
    tokens, padding = (
        sum(float(value) for value in re.findall(rf"^triton_pipelines_{name}_total\S* (\S+)", metrics, re.MULTILINE))
        for name in ("tokens", "padding")
    )
    return Spent(
        requests=np.array([int(step["inference_stats"]["success"].get("count", 0)) for step in steps]),
        worked=spent["success"] - spent["queue"],
        queued=spent["queue"],
        whole=float(whole["inference_stats"]["success"].get("ns", 0)) / 1e6,
        executions=int(steps[1]["execution_count"]),
        tokens=tokens,
        padding=padding,
    )


def statistics_of(server: EmbeddedServer, model: str) -> dict[str, Any]:
    (found,) = server.get(f"v2/models/{model}/stats")["model_stats"]
    return dict(found)


def memory(server: EmbeddedServer, task: str) -> dict[str, float]:
    found = {"memory_triton": proportional(server.pid)}
    for pid, stub in stubs(server.pid).items():
        name = f"memory_{stub.model.removeprefix(f'{task}_')}"
        found[name] = found.get(name, 0.0) + proportional(pid)
    return found


def make_checkpoint(workload: Workload, folder: Path) -> Path:
    """The workload's checkpoint, the same at each run."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(0)
    folder.mkdir()
    workload.make_checkpoint(folder)
    return folder


def set_dtype(repository: Path, task: str, dtype: str) -> None:
    path = repository / f"{task}_model" / "config.pbtxt"
    text, found = re.subn(r'(key: "dtype" value \{ string_value: ")\w+', rf"\g<1>{dtype}", path.read_text())
    assert found == 1, f"{path} declares no dtype"
    path.write_text(text)


def check_idle(seconds: float = 1.0) -> None:
    """Wait for the machine to come to rest; stop when something else keeps it busy."""
    for _ in range(20):
        before = cpu_times()
        time.sleep(seconds)
        spent = cpu_times() - before
        busy = 1 - spent[3:5].sum() / spent.sum()  # idle and iowait
        if busy < BUSY:
            return
    raise SystemExit(f"The machine is busy ({busy:.0%} of its cores): stop what runs, then measure again.")


def cpu_times() -> np.ndarray:
    return np.array(Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:], float)


def machine() -> str:
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{names[0] if names else 'unknown CPU'}, {os.cpu_count()} cores"


def versions(server: EmbeddedServer) -> str:
    triton = server.get("v2")["version"]
    return f"tritonserver {triton}, torch {version('torch')}, transformers {version('transformers')}"


if __name__ == "__main__":
    main()
