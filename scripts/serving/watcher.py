"""Heals a running server: a model whose Python process died, was stopped or hangs gets a new one.

Triton goes on without such a process: it says that it is ready, and its model answers "not healthy", or nothing, for
ever. The new process replaces the old one in place: the other steps of the model's deployments and all other models
stay as they are, and meanwhile callers are told "not healthy" rather than "unknown".
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import probe
from repository import steps
from serving.embedded_server import SHARED_MEMORY, EmbeddedServer
from serving.processes import children, processor_seconds, state

INTERVAL = 0.25
"""Seconds between two looks at the processes."""
STOPPED = 2.0
"""Seconds after which a process that is stopped (SIGSTOP) is killed: Triton 2.51 aborts when one goes on."""
ASKED_EVERY = 10.0
"""Seconds between two questions to each deployment, and seconds that it has for the answer."""
IDLE = 0.05
"""Of a processor: a step that answers nothing and uses less waits for something that does not come."""
LOAD_TIMEOUT = 3600.0
FAILURES = (OSError, ValueError, KeyError, http.client.HTTPException)
"""Of a question to a server that dies, hangs or loads the model just now."""
LONGEST_PAUSE = 60.0
"""Seconds between two attempts to load a model that does not load."""
STUB = "triton_python_backend_stub"
MARK = "healed"
"""A parameter that makes a configuration new: Triton takes an equal one for done."""


class Stub(NamedTuple):
    """A Python process of a model."""

    model: str
    region: str
    """Its shared memory with Triton: a file of SHARED_MEMORY."""


class Watcher:
    """What there is to know between two looks.

    Args:
        headers: of requests to the server's administrative APIs, where these need a key.
        asked_every: seconds between two questions to each deployment; 0 asks none, and then processes that hang
            without being stopped are not noticed.
    """

    def __init__(
        self, server: EmbeddedServer, headers: Mapping[str, str] | None = None, asked_every: float = ASKED_EVERY
    ) -> None:
        self.server = server
        self.headers = dict(headers or {})
        self.asked_every = asked_every
        self.stubs = stubs(server.pid)
        self.stopped: dict[int, float] = {}
        self.dead: set[int] = set()
        self.lost: set[str] = set()
        """Models of dead processes, for which nothing is done yet."""
        self.healing: dict[str, threading.Thread] = {}
        self.silent: dict[str, str] = {}
        """Deployments that did not answer when they were last asked, with the reason."""
        self.closed = threading.Event()

    def __enter__(self) -> Watcher:
        if self.asked_every:
            threading.Thread(target=self.ask, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closed.set()

    def troubles(self) -> dict[str, str]:
        """The deployments that do not answer, each with the reason."""
        found = dict(self.silent)
        for name in self.server.names:
            for model in steps(self.server.repository, name):
                if model in self.lost or model in self.healing:
                    found[name] = f"the Python process of {model} died; it is loaded again"
        return found

    def look(self) -> None:
        """One look at the processes. ServerError when the server itself has died."""
        self.server.check_alive()
        self.kill_stopped()
        for pid, stub in list(self.stubs.items()):
            now = state(pid)
            if not now:  # Triton ended it, to unload its model
                del self.stubs[pid]
            elif now == "Z" and pid in self.dead:  # at the second look: it is not just being unloaded
                del self.stubs[pid]
                self.dead.remove(pid)
                self.lost.add(stub.model)
                (SHARED_MEMORY / stub.region).unlink(missing_ok=True)  # Triton leaves its memory behind
            elif now == "Z":
                self.dead.add(pid)
        self.stubs.update(stubs(self.server.pid))
        for model in [model for model in self.lost if model not in self.healing]:
            self.healing[model] = threading.Thread(target=self.heal, args=(model,), daemon=True)
            self.lost.remove(model)
            self.healing[model].start()

    def kill_stopped(self) -> None:
        now = time.monotonic()
        self.stopped = {pid: self.stopped.get(pid, now) for pid in list(self.stubs) if state(pid) == "T"}
        for pid, since in self.stopped.items():
            if now - since > STOPPED:
                tell(f"The process of {self.stubs[pid].model} is stopped: killing it.")
                kill(pid)

    def heal(self, model: str) -> None:
        """Load a model anew, as often as it takes, unless it was unloaded on purpose."""
        began, pause = time.monotonic(), 1.0
        tell(f"The Python process of {model} died: loading it again.")
        while not self.closed.is_set():
            try:
                if model in self.loaded():
                    self.load(model)
                    self.stubs.update(stubs(self.server.pid))  # else one that dies before the next look is never missed
                    tell(f"{model} is back after {time.monotonic() - began:.1f} s.")
                break
            except FAILURES as error:
                if not self.closed.is_set():
                    tell(f"{model} is not back, next attempt in {pause:g} s: {reason(error)}")
                self.closed.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        for name in list(self.silent):  # which other threads change meanwhile
            if model in steps(self.server.repository, name):
                self.silent.pop(name, None)  # what it was asked, it was asked before
        del self.healing[model]

    def load(self, model: str) -> None:
        """Give a model a new process beside its old one, and then drop the old one."""
        config = self.server.get(f"v2/models/{model}/config")
        config.setdefault("parameters", {})[MARK] = {"string_value": str(time.time())}
        self.post(f"models/{model}/load", {"parameters": {"config": json.dumps(config)}})

    def loaded(self) -> set[str]:
        """The models that Triton holds for loaded."""
        return {entry["name"] for entry in json.loads(self.post("index", {})) if entry.get("state") == "READY"}

    def post(self, path: str, content: Mapping[str, object]) -> bytes:
        request = urllib.request.Request(
            f"{self.server.http_url}/v2/repository/{path}",
            json.dumps(content).encode(),
            {"Content-Type": "application/json", **self.headers},
        )
        with urllib.request.urlopen(request, timeout=LOAD_TIMEOUT) as answer:
            return answer.read()

    # Processes that run and do nothing are noticed by asking.

    def ask(self) -> None:
        """Ask each deployment from time to time; kill what hangs, so that the next look heals it."""
        while not self.closed.wait(self.asked_every):
            threads = [threading.Thread(target=self.check, args=(name,), daemon=True) for name in self.server.names]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def check(self, name: str) -> None:
        """Ask a deployment; when it says nothing at all, find the step that hangs and kill its processes."""
        models = steps(self.server.repository, name)
        processes = self.processes(models)
        try:
            before, used, began = self.executed(models), self.used(models), time.monotonic()
            why = probe.answers(name, self.server.http_url, self.asked_every)
            seconds = time.monotonic() - began
            after = self.executed(models) if why else before
        except FAILURES as error:
            why, seconds, before, after = f"it cannot be asked: {reason(error)}", 0.0, {}, {}
        if why is None:
            self.silent.pop(name, None)
            return
        if self.processes(models) != processes:  # healed meanwhile; the next question tells
            return
        self.silent[name] = why
        if seconds < self.asked_every:  # the question was refused, not left unanswered
            return
        # The question went through the steps in order: the first that did nothing holds it.
        stuck = next((model for model in models if after[model] == before[model]), None)
        if stuck is None or stuck in self.healing or self.used([stuck])[stuck] - used[stuck] > IDLE * seconds:
            return
        for pid, stub in list(self.stubs.items()):
            if stub.model == stuck and state(pid) not in ("Z", ""):
                tell(f"The process of {stuck} hangs: killing it.")
                kill(pid)

    def processes(self, models: list[str]) -> set[int]:
        return {pid for pid, stub in list(self.stubs.items()) if stub.model in models}

    def executed(self, models: list[str]) -> dict[str, int]:
        """How many requests each model has answered or failed."""
        counts = {}
        for model in models:
            versions = self.server.get(f"v2/models/{model}/stats")["model_stats"]
            stats = [version["inference_stats"] for version in versions]
            counts[model] = sum(int(version[kind]["count"]) for version in stats for kind in ("success", "fail"))
        return counts

    def used(self, models: list[str]) -> dict[str, float]:
        """Processor time that the processes of each model have used."""
        now = list(self.stubs.items())
        return {model: sum(processor_seconds(pid) for pid, stub in now if stub.model == model) for model in models}


def stubs(server_pid: int) -> dict[int, Stub]:
    """The running Python processes of a server's models."""
    read = {pid: read_stub(pid) for pid in children(server_pid) if state(pid) != "Z"}
    return {pid: stub for pid, stub in read.items() if stub}


def read_stub(pid: int) -> Stub | None:
    """What a process runs; None where it is no stub. Its command line: program, model.py, region ..."""
    try:
        program, *arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    if not program.endswith(STUB) or len(arguments) < 2:
        return None
    return Stub(Path(arguments[0]).parent.parent.name, Path(arguments[1]).name)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return error.read().decode(errors="replace")
    return str(error)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
