"""Memory of served tasks, each with a made checkpoint of the tests, all in one server.

    python scripts/memory.py                # all 29 tasks
    python scripts/memory.py fill-mask      # some

Prints MiB of each step's process after a question: what it has to itself, and its share of what it has in common with
others (PSS).
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from pathlib import Path

from ask import ask
from benchmarking.workloads import WORKLOADS
from install import install
from repository import STEPS, task_argument
from serving.embedded_server import EmbeddedServer
from serving.processes import proportional
from serving.watcher import stubs
from triton_pipelines import InvalidInput

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", type=task_argument, metavar="TASK", help="default: every task")
    tasks = parser.parse_args().tasks or list(WORKLOADS)
    with tempfile.TemporaryDirectory() as folder:
        for task in tasks:
            checkpoint = ROOT / ".checkpoints" / WORKLOADS[task].recipe
            install(task, checkpoint=str(checkpoint), repository=Path(folder))
        with EmbeddedServer(Path(folder), tasks) as server:
            for task in tasks:
                with contextlib.suppress(InvalidInput):  # it wants more than this question has
                    ask(task.replace("_", "-"), task, server.grpc_url, Path(folder))
            found = {stub.model: proportional(pid) for pid, stub in stubs(server.pid).items()}
            triton = proportional(server.pid)
    print(f"{'':<32}{''.join(f'{step:>13}' for step in STEPS)}")
    for task in tasks:
        parts = [found[f"{task}_{step}"] for step in STEPS]
        print(f"{task:<32}{''.join(f'{part:>13,.0f}' for part in parts)}")
    print(f"{'tritonserver':<32}{triton:>13,.0f}")
    print(f"{'all together':<32}{sum(found.values()) + triton:>13,.0f}")


if __name__ == "__main__":
    main()
