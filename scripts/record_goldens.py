"""Record what the pipelines of transformers 4.48.1 answer to the cases of tests/cases.

    .oracle/bin/python scripts/record_goldens.py [TASK ...]

Writes tests/goldens/TASK.json; without a task, those of all. Needs the made checkpoints
(scripts/make_checkpoints.py) and ffmpeg. The exit code is 1 where an error leaves a case without an answer.
"""

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from repository import task_argument

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ORACLE = "4.48.1"
SECONDS = 120


def main() -> int:
    """Record the tasks that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", type=task_argument, metavar="TASK", help="default: all")
    arguments = parser.parse_args()
    try:
        found = version("transformers")
    except ModuleNotFoundError:
        found = "none"
    if found != ORACLE:
        print(
            f"goldens are recorded with transformers {ORACLE}, and this is {found}: run "
            "python3 scripts/setup.py oracle, then .oracle/bin/python scripts/record_goldens.py",
            file=sys.stderr,
        )
        return 2
    from tests import cases

    return max(record(task) for task in arguments.tasks or cases.tasks())


def record(task: str) -> int:
    """Record one task; 1 if a case is left without an answer."""
    from tests import cases
    from tests.parity import golden

    asked = cases.load(task)
    answers = {case.id: ask(task, case) for case in asked}
    checkpoints = sorted({case.checkpoint for case in asked})
    digests = {name: golden.digest(ROOT / ".checkpoints" / name) for name in checkpoints}
    oracle = {name: version(name) for name in ("transformers", "torch", "tokenizers")}
    file = golden.write(task, {"oracle": oracle, "checkpoints": digests, "answers": answers})
    print(f"{task}: {len(answers)} answers, {file.stat().st_size / 1000:.0f} kB")
    open_cases = [
        case for case in asked if "error" in answers[case.id] and not case.refused and case.expected is cases.ABSENT
    ]
    for case in open_cases:
        print(f"  {case.id}: {answers[case.id]['error']}: say in the case what we do instead", file=sys.stderr)
    return 1 if open_cases else 0


def ask(task: str, case: Any) -> dict[str, Any]:
    """The oracle's answer to a case, or its error."""
    import torch
    import transformers

    from tests import cases

    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    checkpoint = str(ROOT / ".checkpoints" / case.checkpoint)
    module = import_module(f"tests.cases.{task}")
    mend: Callable[..., dict[str, Any]] = getattr(module, "mend", lambda pipeline, case: {})
    more: Callable[..., dict[str, Any]] = getattr(module, "init", lambda case: {})
    with warnings.catch_warnings(), within(SECONDS):
        warnings.simplefilter("ignore")
        try:
            make: Any = transformers.pipeline  # its types are those of the newest release, and name each task
            pipeline = make(task.replace("_", "-"), model=checkpoint, **cases.resolve(case.init), **more(case))
            return {"answer": case.call(pipeline, **mend(pipeline, case))}
        except Exception as error:
            # Paths of this machine are not part of an answer.
            message = str(error).replace(str(ROOT), "").splitlines() or [""]
            return {"error": f"{type(error).__name__}: {message[0][:200]}"}


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise a TimeoutError in what takes longer."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeoutError(f"no answer within {seconds} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


if __name__ == "__main__":
    sys.exit(main())
