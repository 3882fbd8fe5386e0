"""Serve in a container: the start command of both images, with the options of serve.py.

In NVIDIA's image it becomes its tritonserver, with every backend; elsewhere it runs the embedded one. What differs from
serve.py: all addresses of the container by default, Triton's log on standard error, administrative APIs behind a key,
latency percentiles in the metrics, and time for running requests when it is told to stop.

    TRITON_PIPELINES_ADMIN_KEY     header `admin-key` of those APIs; unset, a random one that nobody knows
    TRITON_PIPELINES_EXIT_TIMEOUT  seconds for running requests at the end; default 30
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import serve
from serving import administration
from serving.embedded_server import ROOT, STUB_ENVIRONMENT, EmbeddedServer

LOG_BYTES = 16 << 20
KEEP_SIZE, PUNCH_HOLE = 1, 2
"""Of fallocate(2), which Python does not have: the writer goes on where it is."""
METRICS_OPTIONS = [
    f"--metrics-config={setting}"
    for setting in ("summary_latencies=true", "summary_quantiles=0.5:0.05,0.9:0.01,0.99:0.001")
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal (exit code 0), a failure of the server (1) or a wrong call (2)."""
    given = sys.argv[1:] if arguments is None else arguments
    options = serve.parse(["--host", "0.0.0.0", *given])
    key = administration.take_key()
    seconds = int(os.environ.get("TRITON_PIPELINES_EXIT_TIMEOUT", "30"))
    try:
        names = serve.choose(options.repository, [name.replace("-", "_") for name in options.names])
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if triton := shutil.which("tritonserver"):
        if options.restart or options.health_port is not None:
            print("--restart and --health-port: not in this image, where probes restart containers.", file=sys.stderr)
            return 2
        become(triton, names, options, key, seconds)
    return embedded(names, options, key, seconds)


def embedded(names: Sequence[str], options: Namespace, key: str, seconds: int) -> int:
    """Run the embedded server, watched as serve.py watches it."""

    def start() -> EmbeddedServer:
        server = serve.embedded(options, names, key, stop_timeout=seconds + 1, more=METRICS_OPTIONS)
        threading.Thread(target=follow, args=(server.log,), daemon=True).start()
        return server

    return serve.run(start, options, key)


def follow(log: Path, most: int = LOG_BYTES) -> None:
    """Copy Triton's log to standard error as it grows, and give back the memory of what is long copied: it lies in
    /tmp, which is memory here. Its end stays, to tell why a server died."""
    fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
    while not log.exists():
        time.sleep(0.05)
    kept = 0
    with log.open("r+b") as file:
        while True:
            while block := file.read(1 << 20):
                sys.stderr.buffer.write(block)
                sys.stderr.flush()
            if file.tell() - kept > most:
                kept = file.tell() - most // 2
                fallocate(file.fileno(), KEEP_SIZE | PUNCH_HOLE, 0, kept)
            time.sleep(0.2)


def become(triton: str, names: Sequence[str], options: Namespace, key: str, seconds: int) -> None:
    """Replace this process by tritonserver: it gets the signals, and its end is the container's."""
    os.chdir(ROOT)  # where its Python models look for packages
    os.execve(triton, command(triton, names, options, key, seconds), {**STUB_ENVIRONMENT, **os.environ})


def command(triton: str, names: Sequence[str], options: Namespace, key: str, seconds: int) -> list[str]:
    return [
        triton,
        f"--model-repository={options.repository}",
        "--model-control-mode=explicit",
        "--disable-auto-complete-config",  # each config.pbtxt is whole; completing it would start every stub twice
        *(f"--load-model={name}" for name in names),
        *([f"--model-config-name={options.model_config_name}"] if options.model_config_name else []),
        f"--exit-timeout-secs={seconds}",
        f"--http-address={options.host}",
        f"--grpc-address={options.host}",
        f"--metrics-address={options.host}",
        f"--http-port={options.http_port}",
        f"--grpc-port={options.grpc_port}",
        f"--metrics-port={options.metrics_port}",
        *serve.tls(options),
        *administration.options(key),
        *METRICS_OPTIONS,
    ]


if __name__ == "__main__":
    sys.exit(main())
