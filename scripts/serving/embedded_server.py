"""The real tritonserver out of the wheel `nvidia-pytriton`: found, checked, started, watched and stopped. No Docker.

with EmbeddedServer("model_repository", ["fill_mask"]) as server:   # free ports on 127.0.0.1
    server.http_url, server.grpc_url, server.metrics_url

Only the wheel's binaries are used; its Python API is never imported.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from repository import steps
from serving.ports import PORT_OPTIONS, check_port, choose_ports, resolve
from serving.processes import children, state
from serving.triton_log import failure_reasons, load_seconds
from serving.triton_wheel import Binaries, ServerError, check_space

ROOT = Path(__file__).resolve().parents[2]
SHARED_MEMORY = Path("/dev/shm")
SHARED_MEMORY_PER_MODEL = 4 << 20
DISK_SPACE = 64 << 20

STUB_ENVIRONMENT = {
    # One thread each for NumPy and the like: several stubs share the cores. Model stages set PyTorch's own count.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Threads of one pass spin but shortly for each other: longer, they keep the cores from the other processes of an
    # ensemble, and then wait for those (seen: a request of 12 ms takes 15 to 28 on the average).
    "GOMP_SPINCOUNT": "10000",
    # oneDNN keeps what it prepared for each shape of a product, with memory of its own, by default for a thousand
    # shapes a thread: an encoder of 22 million parameters grew from 0.4 to 1.6 GB. Fewer are as fast.
    "LRU_CACHE_CAPACITY": "16",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128",
    # What is served was installed before; serving asks no network.
    "HF_HUB_OFFLINE": "1",
    # Progress bars have no place in a log.
    "TQDM_DISABLE": "1",
}
"""Defaults of the environment of Python models. The caller's own environment wins over them."""

# The server goes down with the process that started it, however that one ends.
DIE_WITH_PARENT = (
    "import ctypes, os, signal, sys; parent, *command = sys.argv[1:]; ctypes.CDLL(None).prctl(1, signal.SIGTERM);"
    "os.getppid() == int(parent) and os.execv(command[0], command)"
)


class EmbeddedServer:
    """One tritonserver process, from `start` to `stop`; a context manager.

    Args:
        repository: the model repository.
        names: models to load; an ensemble brings its steps along.
        http_port, grpc_port, metrics_port: 0 takes a free one.
        host: the address to listen on.
        model_config_name: `configs/NAME.pbtxt` instead of config.pbtxt, for the models that have it.
        startup_timeout: seconds until everything must be ready.
        stop_timeout: seconds until a server that does not stop by itself is killed.
        environment: of the server and its Python models, besides STUB_ENVIRONMENT.
        options: more tritonserver options.
    """

    def __init__(
        self,
        repository: str | Path,
        names: Sequence[str],
        *,
        http_port: int = 0,
        grpc_port: int = 0,
        metrics_port: int = 0,
        host: str = "127.0.0.1",
        model_config_name: str | None = None,
        startup_timeout: float = 300,
        stop_timeout: float = 4,
        environment: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.repository = Path(repository).resolve()
        self.names = list(names)
        self.host = resolve(host)
        self.http_port, self.grpc_port, self.metrics_port = choose_ports(self.host, http_port, grpc_port, metrics_port)
        self.model_config_name = model_config_name
        self.startup_timeout = startup_timeout
        self.stop_timeout = stop_timeout
        self.environment = dict(environment or {})
        self.options = list(options)
        self.id = f"triton-pipelines-{secrets.token_hex(4)}"
        self.log = Path(tempfile.gettempdir(), f"{self.id}.log")
        """Triton's log. Removed by `stop`, but kept when the server failed."""
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._ready = False

    @property
    def pid(self) -> int:
        """Of tritonserver, which runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def http_url(self) -> str:
        """http://host:port"""
        return f"http://{self._reachable}:{self.http_port}"

    @property
    def grpc_url(self) -> str:
        """host:port, as gRPC clients take it."""
        return f"{self._reachable}:{self.grpc_port}"

    @property
    def metrics_url(self) -> str:
        """http://host:port/metrics"""
        return f"http://{self._reachable}:{self.metrics_port}/metrics"

    @property
    def _reachable(self) -> str:
        return "127.0.0.1" if self.host == "0.0.0.0" else self.host

    def __enter__(self) -> EmbeddedServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> EmbeddedServer:
        """Start and wait until every model is ready. ServerError with the reason when that fails."""
        binaries = Binaries.find()
        self._check()
        try:
            self._folder = Path(tempfile.mkdtemp(prefix=f"{self.id}-"))
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    [*_die_with_parent(), *self._command(binaries)],
                    cwd=ROOT,  # the stub ignores PYTHONPATH, and looks for packages in the working directory
                    env=self._environment(binaries),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a process group of its own: stubs included, nobody else
                )
            self._wait_until_ready(time.monotonic() + self.startup_timeout)
        except ServerError:
            self.stop(keep_log=True)
            raise
        except BaseException:
            self.stop()
            raise
        self._ready = True
        return self

    def stop(self, keep_log: bool = False) -> None:
        """Stop the server and remove what it left: processes, shared memory, temporary folder. Safe to call twice."""
        if self._process is not None:
            failed = self._ready and self._process.poll() is not None
            if self._ready and not failed:
                self._process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(self.stop_timeout)
            _kill_group(self._process)
            keep_log = keep_log or failed
        for region in SHARED_MEMORY.glob(f"{self._shared_memory_prefix}*"):
            region.unlink(missing_ok=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if not keep_log:
            self.log.unlink(missing_ok=True)
        self._process, self._folder, self._ready = None, None, False

    def check_alive(self) -> None:
        """ServerError when tritonserver has died."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise ServerError(self._explain(f"tritonserver {_ended(code)}"))

    def get(self, path: str) -> Any:
        """The JSON answer to an HTTP GET of the server, "v2/models/fill_mask/config" say."""
        with urllib.request.urlopen(f"{self.http_url}/{path}", timeout=10) as answer:
            return json.load(answer)

    # Starting.

    def _check(self) -> None:
        """What would otherwise make Triton fail obscurely, or wait for ever."""
        if not self.names:
            raise ServerError(f"No model to serve was named; {self.repository} is the repository.")
        for name in self.names:
            if not (self.repository / name / "config.pbtxt").is_file():
                raise ServerError(f"{self.repository} has no model {name!r} (no {name}/config.pbtxt).")
        models = [model for name in self.names for model in (name, *steps(self.repository, name))]
        configuration = f"configs/{self.model_config_name}.pbtxt"
        if self.model_config_name and not any((self.repository / model / configuration).is_file() for model in models):
            raise ServerError(f"None of {', '.join(models)} has {configuration} (--model-config-name).")
        temporary = Path(tempfile.gettempdir())
        if re.search(r"\s", str(temporary)):
            raise ServerError(f"Set TMPDIR to a folder without spaces in its path; it is {str(temporary)!r}.")
        check_space(temporary, DISK_SPACE, "set TMPDIR to a folder on a larger disk")
        check_space(SHARED_MEMORY, len(models) * SHARED_MEMORY_PER_MODEL, "in Docker: --shm-size=1g")
        for port, option in zip((self.http_port, self.grpc_port, self.metrics_port), PORT_OPTIONS, strict=True):
            check_port(self.host, port, option)

    @property
    def _shared_memory_prefix(self) -> str:
        return f"{self.id}_"

    def _command(self, binaries: Binaries) -> list[str]:
        assert self._folder is not None
        command = [
            str(binaries.server),
            f"--id={self.id}",
            f"--model-repository={_without_spaces(self.repository, self._folder)}",
            "--model-control-mode=explicit",
            "--disable-auto-complete-config",  # each config.pbtxt is whole; completing it would start every stub twice
            *(f"--load-model={name}" for name in self.names),
            f"--backend-directory={_backends(binaries, self._folder)}",
            f"--cache-directory={binaries.caches}",
            f"--backend-config=python,shm-region-prefix-name={self._shared_memory_prefix}",
            f"--exit-timeout-secs={max(1, int(self.stop_timeout) - 1)}",
            f"--http-address={self.host}",
            f"--grpc-address={self.host}",
            f"--metrics-address={self.host}",
            f"--http-port={self.http_port}",
            f"--grpc-port={self.grpc_port}",
            f"--metrics-port={self.metrics_port}",
        ]
        if self.model_config_name:
            command.append(f"--model-config-name={self.model_config_name}")
        return command + self.options

    def _environment(self, binaries: Binaries) -> dict[str, str]:
        environment = {**STUB_ENVIRONMENT, **os.environ, **self.environment}
        # The stub's embedded interpreter finds its packages from the first python3 on PATH.
        for name, first in (
            ("PATH", Path(sys.executable).parent),
            ("LD_LIBRARY_PATH", binaries.libpython.parent),
            ("PYTHONPATH", ROOT),
        ):
            environment[name] = os.pathsep.join(filter(None, (str(first), environment.get(name))))
        return environment

    def _wait_until_ready(self, deadline: float) -> None:
        seen_dead: dict[int, float] = {}
        while not self._is_ready():
            self.check_alive()
            now = time.monotonic()
            if now > deadline:
                raise ServerError(self._explain(f"not ready after {self.startup_timeout:g} s{self._still_loading()}"))
            assert self._process is not None
            # Triton reports most deaths within a second and exits; for a stub that never spoke it waits for ever.
            seen_dead = {pid: seen_dead.get(pid, now) for pid in children(self._process.pid) if state(pid) == "Z"}
            if any(now > since + 5 for since in seen_dead.values()):
                raise ServerError(self._explain(f"the Python process of a model died{self._still_loading()}"))
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        """All models are, and this very server answers on all its ports (metrics open last)."""
        try:
            with urllib.request.urlopen(f"{self.http_url}/v2/health/ready", timeout=5):
                pass
            with urllib.request.urlopen(self.metrics_url, timeout=5):
                pass
            return self.get("v2")["name"] == self.id
        except (OSError, ValueError, KeyError):
            return False

    def _still_loading(self) -> str:
        names = [name for name, seconds in load_seconds(self._log_text()).items() if seconds is None]
        return f", still loading: {', '.join(names)}" if names else ""

    def _explain(self, what: str) -> str:
        reasons = textwrap.indent("\n".join(failure_reasons(self._log_text())), "  ")
        return "\n".join(filter(None, (f"{what}:" if reasons else what, reasons, f"Triton's log: {self.log}")))

    def _log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


def _without_spaces(repository: Path, folder: Path) -> Path:
    """A path to the repository that survives the backend, which splits the stub's command line at spaces."""
    if not re.search(r"\s", str(repository)):
        return repository
    link = folder / "repository"
    link.symlink_to(repository)
    return link


def _die_with_parent() -> list[str]:
    """A command that runs the command after it so that it ends with this process. Not from a side thread: the kernel
    takes the thread's end for the parent's."""
    if threading.current_thread() is not threading.main_thread():
        return []
    return [sys.executable, "-c", DIE_WITH_PARENT, str(os.getpid())]


def _backends(binaries: Binaries, folder: Path) -> Path:
    """A backend directory with the stub of this interpreter. Links, since the wheel's files find their libraries
    relative to where they really lie."""
    python = folder / "backends" / "python"
    python.mkdir(parents=True)
    for path in (*binaries.backend.iterdir(), binaries.stub):
        (python / path.name).symlink_to(path)
    return python.parent


def _kill_group(leader: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a process group, and give the kernel a moment to take it down."""
    deadline = time.monotonic() + 1
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(leader.pid, signal.SIGKILL)
            leader.wait()
            time.sleep(0.01)


def _ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
