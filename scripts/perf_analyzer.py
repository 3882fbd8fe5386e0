"""NVIDIA's perf_analyzer against a served deployment, with the input of its task (benchmarks/inputs).

    .venv/bin/python scripts/perf_analyzer.py text-classification --concurrency 16

The binary comes out of the wheel `tritonclient==2.50.0`, the newest that runs on glibc 2.36 (`scripts/setup.py perf`
puts it into .perf_analyzer), with two libraries that the wheel nvidia-pytriton has under hashed names.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.triton_wheel import Binaries

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / ".perf_analyzer" / "bin" / "perf_analyzer"
LIBRARIES = {"libb64.so.0d": "libb64-*.so.0d", "libcudart.so.12": "libcudart-*.so.12*"}
DECOUPLED = ("image_text_to_text", "text_generation")
TIMEOUT = 900
"""Seconds for one measurement: perf_analyzer itself waits for an answer for ever."""


@dataclass(frozen=True)
class Measurement:
    """What perf_analyzer says of one level of concurrency. Latencies are in milliseconds."""

    requests_per_second: float
    p50: float
    p95: float
    p99: float
    mean: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("--name", help="the deployment, where it is not named like its task")
    parser.add_argument("--url", default="localhost:8001", help="the server's gRPC address (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, default=1, help="requests under way (default: %(default)s)")
    arguments = parser.parse_args()
    task = arguments.task.replace("-", "_")
    try:
        measured = measure(task, arguments.url, arguments.name or task, concurrency=arguments.concurrency)
    except RuntimeError as error:
        raise SystemExit(str(error)) from None
    print(f"{measured.requests_per_second:.1f} requests/s at concurrency {arguments.concurrency}")
    print(f"latency p50 {measured.p50:.1f} ms, p95 {measured.p95:.1f} ms, p99 {measured.p99:.1f} ms")


def measure(
    task: str,
    grpc_url: str,
    name: str | None = None,
    *,
    data: Path | None = None,
    concurrency: int = 1,
    options: Sequence[str] = ("--measurement-interval", "5000", "--stability-percentage", "20"),
) -> Measurement:
    """Load a deployment over gRPC, by default until three windows of 5 s agree within 20 %.

    Args:
        name: of the deployment; by default the task's.
        data: input file; by default the task's in benchmarks/inputs.
        options: perf_analyzer's, on how long to measure.

    RuntimeError with its output when it fails.
    """
    data = data or ROOT / "benchmarks" / "inputs" / f"{task}.json"
    for path, remedy in ((BINARY, "run: python3 scripts/setup.py perf"), (data, f"{task} has no input file")):
        if not path.exists():
            raise RuntimeError(f"{path.relative_to(ROOT)} is missing: {remedy}")
    libraries = Binaries.find().server.parents[3] / "nvidia_pytriton.libs"
    with tempfile.TemporaryDirectory() as folder:
        for library, pattern in LIBRARIES.items():
            (hashed,) = libraries.glob(pattern)
            Path(folder, library).symlink_to(hashed)
        report = Path(folder, "report.csv")
        command = [str(BINARY), "-m", name or task, "-u", grpc_url, "-i", "grpc", "--input-data", str(data)]
        command += ["--concurrency-range", str(concurrency), "-f", str(report), "--verbose-csv", *options]
        if task in DECOUPLED:
            command.append("--streaming")
        environment = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join([folder, str(libraries)])}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"perf_analyzer did not end within {TIMEOUT} s: a request was not answered") from None
        if done.returncode or not report.exists():
            raise RuntimeError(f"perf_analyzer failed:\n{done.stdout}{done.stderr}")
        with report.open() as lines:
            (row,) = csv.DictReader(lines)
    latencies = (float(row[f"{name} latency"]) / 1000 for name in ("p50", "p95", "p99", "Avg"))
    return Measurement(float(row["Inferences/Second"]), *latencies)


if __name__ == "__main__":
    main()
