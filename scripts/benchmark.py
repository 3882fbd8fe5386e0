"""Served speed against the bare forward pass, on this machine, in one run.

    make benchmark                              # text-classification with an encoder of MiniLM's size
    make benchmark TASK=image-classification    # ViT-base, JPEG files; each in float32 and bfloat16
    make benchmark TASK=summarization           # BART, sampled answers of 8 to 128 tokens

perf_analyzer drives the ensemble over gRPC on the same cores. "Bare" is the model's own forward pass on ready input, in
a process of its own with all cores as threads, in batches of equal size or, for texts, of texts sorted by length. Bare
and served run in turn; a figure is the median of the runs, with smallest and largest behind it. Below each is where a
request's time goes, by Triton's statistics of the last run. A busy machine is refused: its other work would be
measured too.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from embedded_server import EmbeddedServer
from install import install
from perf_analyzer import measure
from repository import STEPS
from workloads import WORKLOADS, Load, Workload

DTYPES = ("float32", "bfloat16")
BUSY = 0.1
"""Share of the machine that other work may take."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="?", default="text-classification", choices=WORKLOADS)
    parser.add_argument("--runs", type=int, default=3, help="runs of each measurement (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, help="of a window of perf_analyzer; default: 5, 20 for images and summaries"
    )
    arguments = parser.parse_args()
    workload = WORKLOADS[arguments.task]
    seconds = arguments.seconds or workload.seconds
    print(f"{cpu_name()}, {os.cpu_count()} cores; median of {arguments.runs} runs (smallest to largest)")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = make_checkpoint(workload, Path(folder, "checkpoint"))
        loads = workload.loads(checkpoint, Path(folder))
        for dtype in DTYPES:
            repository = Path(folder, dtype)
            install(workload.task, checkpoint=str(checkpoint), repository=repository)
            set_dtype(repository, workload.task, dtype)
            with EmbeddedServer(repository, [workload.task]) as server:
                print(f"\n{dtype}")
                for load in loads:
                    compare(server, workload, checkpoint, dtype, load, arguments.runs, seconds)


def compare(
    server: EmbeddedServer, workload: Workload, checkpoint: Path, dtype: str, load: Load, runs: int, seconds: float
) -> None:
    """Bare and served in turn, and a row of each."""
    options = (*load.options, "--measurement-interval", str(int(seconds * 1000)), "--stability-percentage", "30")
    warm_up = (*load.options, "--request-count", str(max(2 * load.concurrency, workload.warm_up // load.batch)))
    measure(workload.task, server.grpc_url, data=load.data, concurrency=load.concurrency, options=warm_up)
    bare, served, p50 = [], [], []
    for _ in range(runs):
        check_idle()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            bare.append(process.submit(bare_rate, workload, checkpoint, dtype, load).result())
        check_idle()
        before = step_times(server, workload.task)
        measurement = measure(
            workload.task, server.grpc_url, data=load.data, concurrency=load.concurrency, options=options
        )
        after = step_times(server, workload.task)
        served.append(measurement.requests_per_second)
        p50.append(measurement.p50)
    title = f"{load.title}, concurrency {load.concurrency}"
    if load.concurrency == 1:
        latency = [1000 / rate for rate in bare]
        extra = statistics.median(p50) - statistics.median(latency)
        print(f"  {title:<36} bare {spread(latency)} ms, served p50 {spread(p50)} ms: {extra:+.2f} ms")
    else:
        share = statistics.median(served) / statistics.median(bare)
        unit = f"{workload.unit}/s"
        print(f"  {title:<36} bare {spread(bare)} {unit}, served {spread(served)} {unit}: {share:.0%}")
    times = ((after[step] - before[step]) for step in STEPS)
    parts = (
        f"{step} {spent[0] / spent[2]:.1f} ms (and waits {spent[1] / spent[2]:.1f})"
        for step, spent in zip(STEPS, times, strict=True)
    )
    print(f"  {'':<36} {', '.join(parts)}")


def step_times(server: EmbeddedServer, name: str) -> dict[str, np.ndarray]:
    """Of each step since the server's start: milliseconds of all requests in it and in its queue, and how many."""
    times = {}
    for step in STEPS:
        spent = server.get(f"v2/models/{name}_{step}/stats")["model_stats"][0]["inference_stats"]
        total, waited = (int(spent[part].get("ns", 0)) / 1e6 for part in ("success", "queue"))
        times[step] = np.array([total - waited, waited, int(spent["success"].get("count", 0))])
    return times


def bare_rate(workload: Workload, checkpoint: Path, dtype: str, load: Load, seconds: float = 4) -> float:
    """Rows a second through the model alone."""
    import torch
    import transformers

    transformers.logging.disable_progress_bar()
    torch.set_num_threads(os.cpu_count() or 1)
    auto_class = getattr(transformers, workload.auto_class)
    model = auto_class.from_pretrained(checkpoint, dtype=getattr(torch, dtype)).eval()
    batches = [
        {name: tensor.to(model.dtype) if tensor.is_floating_point() else tensor for name, tensor in batch.items()}
        for batch in workload.batches(checkpoint, load)
    ]
    with torch.inference_mode():
        done, rounds, started = 0, 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds or rounds < 3:
            if rounds == 1:  # the first round was the warm-up
                done, started = 0, time.perf_counter()
            for inputs in batches:
                workload.run(model, inputs)
                done += len(next(iter(inputs.values())))
            rounds += 1
    return done / elapsed


def make_checkpoint(workload: Workload, folder: Path) -> Path:
    """The workload's checkpoint, the same at each run."""
    import torch
    import transformers

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


def cpu_name() -> str:
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return names[0] if names else "unknown CPU"


def spread(values: Sequence[float]) -> str:
    digits = 2 if max(values) < 100 else 0
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


if __name__ == "__main__":
    main()
