"""Many callers, many tasks, every answer compared with the one that its question gets alone.

    .venv/bin/python scripts/soak.py --seconds 300
    .venv/bin/python scripts/soak.py --seconds 60 --clients 16 text-classification fill-mask

Serves a made checkpoint of each task (`--all`: every one), asks the cases of tests/cases alone, then lets all clients
ask them at random over gRPC and HTTP. The exit code is 1 when an answer was wrong, lost or an error, when a request got
lost between two steps, or when memory grows by more than --slope.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from install import install  # noqa: E402
from repository import STEPS, models, task_argument  # noqa: E402
from serving.embedded_server import EmbeddedServer  # noqa: E402
from serving.processes import proportional  # noqa: E402
from serving.watcher import stubs  # noqa: E402
from tests import cases  # noqa: E402
from tests.cases import Case  # noqa: E402
from tests.parity.compare import compare  # noqa: E402
from triton_pipelines import TritonPipelinesError, Unavailable, pipeline  # noqa: E402

CHECKPOINTS = ROOT / ".checkpoints"
SLOW = 1.0
"""Seconds: a case that takes longer alone is not asked again."""
TIMEOUT = 60.0
"""Seconds after which an answer is lost."""
FAST_CASES = 12
"""Of one deployment, at most."""


@dataclass
class Question:
    """A case over one protocol, and its answer when nothing else runs."""

    case: Case
    ask: Callable[[], Any]
    answer: Any


@dataclass
class Outcome:
    """What the clients saw."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds from the start, MiB of all processes of the server."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, what: str = "") -> None:
        with self.lock:
            self.counts[kind] += 1
            if what:
                self.wrong.append(f"{kind}: {what}")

    def slope(self) -> float:
        """MiB a minute, of the second half: in the first, caches and heaps fill."""
        half = self.memory[len(self.memory) // 2 :]
        if len(half) < 3:
            return 0.0
        seconds, sizes = np.array(half).T
        return float(np.polyfit(seconds, sizes, 1)[0] * 60)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", type=task_argument, metavar="TASK", help="default: all")
    parser.add_argument("--seconds", type=float, default=300, help="default %(default)g")
    parser.add_argument("--clients", type=int, default=64, help="default %(default)s")
    parser.add_argument("--all", action="store_true", help="every made checkpoint of the tasks, not one of each")
    parser.add_argument("--slope", type=float, default=60, metavar="MIB", help="a minute; default %(default)g")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    tasks = options.tasks or cases.tasks()
    made = {task: sorted(path.name for path in CHECKPOINTS.glob(f"{task}_*")) for task in tasks}
    names = {name: task for task, found in made.items() for name in (found if options.all else found[:1])}
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder)
        for name, task in names.items():
            install(task, checkpoint=str(CHECKPOINTS / name), name=name, repository=repository)
        with (
            EmbeddedServer(repository, list(names), startup_timeout=900, stop_timeout=0.5) as server,
            ExitStack() as calls,
        ):
            questions = [question for name, task in names.items() for question in alone(server, task, name, calls)]
            print(f"{len(questions)} questions to {len(names)} deployments, {options.clients} clients", flush=True)
            outcome = soak(server, questions, options.clients, options.seconds, options.seed)
            uneven = [text for name in names if (text := count_steps(server, name))]
    return report(outcome, uneven, options.slope)


def alone(server: EmbeddedServer, task: str, name: str, calls: ExitStack) -> list[Question]:
    """The questions of a deployment that are quick and have one answer. Their clients are closed with `calls`."""
    found: list[Question] = []
    for case in cases.load(task):
        if case.checkpoint != name or case.refused or len(found) == FAST_CASES:
            continue
        url = server.grpc_url if len(found) % 2 else server.http_url
        options = {"request_timeout": TIMEOUT, **cases.resolve(case.init)}
        call = calls.enter_context(pipeline(task.replace("_", "-"), model=name, url=url, **options))

        def ask(case: Case = case, call: Any = call) -> Any:
            return case.call(call)

        try:
            first, began = ask(), time.monotonic()
            second = ask()
            if time.monotonic() - began < SLOW:
                compare(second, first)
                found.append(Question(case, ask, second))
        except (TritonPipelinesError, ValueError, TypeError, AssertionError):
            continue  # a program that is not installed, or a sampled answer
    return found


def soak(server: EmbeddedServer, questions: list[Question], clients: int, seconds: float, seed: int) -> Outcome:
    """Let clients ask at random."""
    outcome, began = Outcome(), time.monotonic()
    threads = [
        threading.Thread(target=client, args=(questions, began + seconds, random.Random(seed * 1000 + number), outcome))
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        outcome.memory.append((time.monotonic() - began, memory(server.pid)))
        time.sleep(1)
    return outcome


def client(questions: list[Question], end: float, chance: random.Random, outcome: Outcome) -> None:
    while time.monotonic() < end:
        question = chance.choice(questions)
        began = time.monotonic()
        try:
            answer = question.ask()
        except Unavailable:
            outcome.note("refused")  # the queue was full
            time.sleep(0.1)
        except Exception as error:
            kind = "lost" if time.monotonic() - began > TIMEOUT - 1 else "failed"
            outcome.note(kind, f"{question.case.checkpoint} {question.case.id}: {error!r}")
        else:
            try:
                compare(answer, question.answer)
                outcome.note("right")
            except AssertionError as difference:
                outcome.note("wrong", f"{question.case.checkpoint} {question.case.id}: {difference}")


def memory(server_pid: int) -> float:
    """MiB of a server and its Python processes."""
    return sum(proportional(pid) for pid in (server_pid, *stubs(server_pid)))


def count_steps(server: EmbeddedServer, name: str) -> str:
    """What is wrong with the counts of a deployment's steps; empty where each handled what the one before did."""
    counts = {}
    for model in models(name):
        (stats,) = server.get(f"v2/models/{model}/stats")["model_stats"]
        counts[model] = {kind: int(stats["inference_stats"][kind]["count"]) for kind in ("success", "fail")}
    done = [counts[f"{name}_{step}"]["success"] for step in STEPS]
    failed = [counts[f"{name}_{step}"]["fail"] for step in STEPS]
    # Decoupled models count responses, not requests.
    if server.get(f"v2/models/{name}_model/config").get("model_transaction_policy", {}).get("decoupled"):
        return ""
    lost = [done[at] - done[at + 1] - failed[at + 1] for at in (0, 1)]
    return f"{name} lost {lost} between its steps: {json.dumps(counts)}" if any(lost) else ""


def report(outcome: Outcome, uneven: list[str], most: float) -> int:
    counts, slope = outcome.counts, outcome.slope()
    first, last = outcome.memory[0][1], outcome.memory[-1][1]
    print(f"answers: {', '.join(f'{count:,} {kind}' for kind, count in sorted(counts.items()))}")
    print(f"memory: {first:,.0f} MiB at first, {last:,.0f} at last; {slope:+.1f} MiB a minute in the second half")
    for text in [*outcome.wrong[:20], *uneven]:
        print(text)
    bad = counts["wrong"] or counts["failed"] or counts["lost"] or uneven or slope > most
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
