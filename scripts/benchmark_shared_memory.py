"""From which size on shared memory pays: the time of a request by its bytes, with and without it.

    .venv/bin/python scripts/benchmark_shared_memory.py

The model returns how many bytes it was given, so that nearly all of the time is transport. One caller, client and
server on one machine; medians. What this says is in docs/client.md and in triton_pipelines/shared_memory.py.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from serving.embedded_server import EmbeddedServer
from triton_pipelines import Pipeline, shared_memory
from triton_pipelines.tasks.base import Inputs, Row, Settings, Task, bytes_tensor, one
from triton_pipelines.transport import connect

CONFIG = """
name: "size"
backend: "python"
max_batch_size: 8
input [ { name: "DATA" data_type: TYPE_STRING dims: [ 1 ] } ]
output [ { name: "SIZE" data_type: TYPE_INT64 dims: [ 1 ] } ]
instance_group [ { kind: KIND_CPU count: 1 } ]
"""
MODEL = """
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        data = [pb_utils.get_input_tensor_by_name(request, "DATA").as_numpy() for request in requests]
        sizes = [np.array([[len(row[0])] for row in rows], np.int64) for rows in data]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("SIZE", size)]) for size in sizes]
"""
SIZES = [16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 32 << 20]


class Size(Task):
    """How many bytes it is given."""

    name = "size"
    outputs = ("SIZE",)

    def items(self, *inputs: Any, **parameters: Any) -> Inputs:
        return one(inputs[0], parameters)

    def encode(self, item: Any, settings: Settings) -> Row:
        return {"DATA": bytes_tensor([item])}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> int:
        return int(outputs["SIZE"][0])


def milliseconds(measure: Pipeline, data: bytes, seconds: float = 1.5) -> float:
    """The median time of a request."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 12:
        began = time.perf_counter()
        assert measure(data) == len(data)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[2:])


def main() -> None:
    shared_memory.LEAST_BYTES = 0
    with tempfile.TemporaryDirectory() as folder:
        version = Path(folder, "size", "1")
        version.mkdir(parents=True)
        (version / "model.py").write_text(MODEL)
        (version.parent / "config.pbtxt").write_text(CONFIG)
        with EmbeddedServer(folder, ["size"]) as server:
            print("| bytes | gRPC | shared | HTTP | shared |\n|---|---|---|---|---|")
            for size in SIZES:
                row = []
                for url in (server.grpc_url, server.http_url):
                    for shared in (False, True):
                        with Pipeline(Size(), connect(url), shared_memory=shared) as measure:
                            row.append(milliseconds(measure, b"x" * size))
                print(f"| {size >> 10} KiB |", " | ".join(f"{each:.2f} ms" for each in row), "|", flush=True)


if __name__ == "__main__":
    main()
