"""scripts/serve.py as an operator runs it, for tests that break things."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from serving.watcher import stubs

ROOT = Path(__file__).parents[2]
KEY = "a key of this test"
SHARED_MEMORY = Path("/dev/shm")


class Running:
    """A running serve.py: a context manager.

    Args:
        folder: for what it prints.
        options: of serve.py, besides free ports.
    """

    def __init__(self, folder: Path, repository: Path, *options: str, key: str | None = KEY) -> None:
        self.output = folder / "serve.txt"
        self.command = [sys.executable, str(ROOT / "scripts/serve.py"), "--repository", str(repository)]
        for port in ("http", "grpc", "metrics", "health"):
            self.command += [f"--{port}-port", "0"]
        self.command += options
        self.environment = {**os.environ, **({"TRITON_PIPELINES_ADMIN_KEY": key} if key else {})}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Running:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                self.command, stdout=output, stderr=subprocess.STDOUT, env=self.environment, cwd=self.output.parent
            )
        try:
            self.until(r"Ctrl\+C stops")
        except BaseException:
            self.__exit__()
            raise
        self.http_url = self.found(r"HTTP +(\S+)")
        self.grpc_url = self.found(r"gRPC +(\S+)")
        self.metrics_url = self.found(r"metrics +(\S+)")
        self.health_url = self.found(r"Health +(\S+)")
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(LookupError, ProcessLookupError):
                kill(self.triton)  # it would take some seconds
            self.process.wait(30)
        for log in re.findall(r"Its log: (\S+)", self.text):
            Path(log).unlink(missing_ok=True)
        assert not self.left_behind()

    @property
    def text(self) -> str:
        return self.output.read_text()

    def found(self, pattern: str) -> str:
        """What the last match of the pattern's group in the output is."""
        return re.findall(pattern, self.text)[-1]

    def until(self, pattern: str, times: int = 1, seconds: float = 120) -> str:
        """Wait until the output matches so often; the output."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while len(re.findall(pattern, self.text)) < times:
            assert self.process.poll() is None and time.monotonic() < deadline, self.text
            time.sleep(0.05)
        return self.text

    @property
    def id(self) -> str:
        return self.found(r"(triton-pipelines-\w+)\.log")

    @property
    def triton(self) -> int:
        """The process id of tritonserver."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if command[0].endswith("tritonserver") and f"--id={self.id}" in command:
                return int(folder.name)
        raise LookupError(f"tritonserver does not run:\n{self.text}")

    def stub(self, model: str) -> int:
        """The process id of a model's Python process."""
        (pid,) = (pid for pid, stub in stubs(self.triton).items() if stub.model == model)
        return pid

    def left_behind(self) -> list[Path]:
        """Shared memory of all servers that this run started."""
        ids = set(re.findall(r"(triton-pipelines-\w+)\.log", self.text))
        return [path for name in ids for path in SHARED_MEMORY.glob(f"{name}*")]

    def healthy(self) -> bool:
        return request(self.health_url)[0] == 200

    def memory(self) -> int:
        """Bytes of the server's shared memory."""
        return sum(path.stat().st_blocks * 512 for path in SHARED_MEMORY.glob(f"{self.id}*"))


def request(
    url: str,
    body: Mapping[str, Any] | bytes | None = None,
    timeout: float = 30,
    headers: Mapping[str, str] | None = None,
    context: ssl.SSLContext | None = None,
) -> tuple[int, bytes]:
    """Status and body of an HTTP answer: of a GET, or of a POST of something."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, dict(headers or {}))
    try:
        with urllib.request.urlopen(asked, timeout=timeout, context=context) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def generate(running: Running, name: str, body: Mapping[str, Any], timeout: float = 30) -> tuple[int, Any]:
    """Status and JSON of /generate."""
    status, answer = request(f"{running.http_url}/v2/models/{name}/generate", body, timeout)
    return status, json.loads(answer)


def wait_until(what: Callable[[], bool], seconds: float) -> float:
    """Seconds until something is so; fails after `seconds`."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, f"not within {seconds:g} s"
        time.sleep(0.05)
    return time.monotonic() - began


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    os.kill(pid, number)
