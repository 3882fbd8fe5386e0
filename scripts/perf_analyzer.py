"""NVIDIA's perf_analyzer against a served deployment.

It comes out of the wheel `tritonclient==2.50.0`, the newest whose binary runs on glibc 2.36 (scripts/setup.py puts it into
.perf_analyzer), with two libraries that the wheel nvidia-pytriton has under hashed names.
"""

from __future__ import annotations

import csv
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from triton_wheel import Binaries

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / ".perf_analyzer" / "bin" / "perf_analyzer"
LIBRARIES = {"libb64.so.0d": "libb64-*.so.0d", "libcudart.so.12": "libcudart-*.so.12*"}


@dataclass(frozen=True)
class Measurement:
    """What perf_analyzer says of one level of concurrency."""

    throughput: float
    """Requests a second."""
    p50: float
    p95: float
    p99: float
    """Latencies in milliseconds."""


def input_file(task: str) -> Path:
    return ROOT / "benchmarks" / "inputs" / f"{task}.json"


def measure(
    model: str, grpc_url: str, data: Path, concurrency: int = 1, seconds: float = 5, options: tuple[str, ...] = ()
) -> Measurement:
    """Load a deployment over gRPC until three windows of `seconds` agree. RuntimeError with its output when it fails."""
    libraries = Binaries.find().server.parents[3] / "nvidia_pytriton.libs"
    with tempfile.TemporaryDirectory() as folder:
        for name, pattern in LIBRARIES.items():
            (library,) = libraries.glob(pattern)
            Path(folder, name).symlink_to(library)
        report = Path(folder, "report.csv")
        command = [
            *(str(BINARY), "-m", model, "-u", grpc_url, "-i", "grpc", "--input-data", str(data)),
            *("--concurrency-range", str(concurrency), "--measurement-interval", str(int(seconds * 1000))),
            *("--stability-percentage", "20", "--max-trials", "10", "--percentile", "95", "-f", str(report)),
            *options,
        ]
        path = os.pathsep.join([folder, str(libraries)])
        done = subprocess.run(command, env={**os.environ, "LD_LIBRARY_PATH": path}, capture_output=True, text=True)
        if done.returncode or not report.exists():
            raise RuntimeError(f"perf_analyzer failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        (row,) = csv.DictReader(report.open())
        latency = {name: float(row[f"{name} latency"]) / 1000 for name in ("p50", "p95", "p99")}
        return Measurement(throughput=float(row["Inferences/Second"]), **latency)
