"""What half precision costs in answers: every parity case of the tests, served in each dtype, against its golden.

    python scripts/precision.py [TASK ...]              # all tasks: half an hour on two cores

Writes benchmarks/precision.csv: of the answers, how many have the golden's structure, order, labels and texts, and
numbers within 0.0001, 0.01 and 0.1 of it. The made checkpoints are small and their scores closer together than those of
trained models, so that an order changes sooner; the figures compare tasks and dtypes, they do not foretell a model's.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # of tests

from benchmark import set_dtype  # noqa: E402
from benchmarking import page  # noqa: E402
from install import install  # noqa: E402
from repository import task_argument  # noqa: E402
from serving.embedded_server import EmbeddedServer  # noqa: E402
from tests import cases  # noqa: E402
from tests.parity import golden  # noqa: E402
from tests.parity.compare import compare  # noqa: E402
from tests.parity.parity import expected  # noqa: E402
from triton_pipelines import TritonPipelinesError, pipeline  # noqa: E402

FILE = ROOT / "benchmarks" / "precision.csv"
MARK = "<!-- precision: scripts/precision.py -->"
DTYPES = ("bfloat16", "float16")
TOLERANCES = (1e-4, 1e-2, 1e-1)
OTHER, FAILED = "other", "failed"
FIELDS = ("task", "dtype", "answers", *(f"within_{tolerance:g}" for tolerance in TOLERANCES), OTHER, FAILED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", type=task_argument, metavar="TASK", help="default: all")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of the pipelines
    for task in arguments.tasks or cases.tasks():
        for dtype in DTYPES:
            keep(task, dtype, count(task, dtype))
        page.put(ROOT / "docs" / "engines.md", MARK, table())


def count(task: str, dtype: str) -> Counter[str]:
    """How near the answers of a task's cases come to their goldens."""
    goldens = golden.read(task)["answers"]
    asked = [case for case in cases.load(task) if not case.refused]
    names = sorted({case.checkpoint for case in asked})
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            install(task, checkpoint=str(ROOT / ".checkpoints" / name), name=name, repository=Path(folder))
            set_dtype(Path(folder), name, dtype)
        with EmbeddedServer(Path(folder), names, stop_timeout=0.5) as server:
            for case in asked:
                want = expected(case, goldens)
                try:
                    with pipeline(
                        task.replace("_", "-"),
                        model=case.checkpoint,
                        url=server.grpc_url,
                        **cases.resolve(case.init),
                    ) as ask:
                        found[nearness(case.call(ask), want)] += 1
                except (TritonPipelinesError, ValueError) as error:
                    print(f"{task}, {dtype}, {case.id}: {error}", file=sys.stderr)
                    found[FAILED] += 1
    return found


def nearness(got: Any, want: Any) -> str:
    """The first tolerance within which two answers are equal; OTHER where no tolerance makes them so."""
    for tolerance in TOLERANCES:
        try:
            compare(got, want, tolerance=tolerance, array_tolerance=tolerance)
        except AssertionError:
            continue
        return f"within_{tolerance:g}"
    return OTHER


def keep(task: str, dtype: str, found: Counter[str]) -> None:
    """A line of the file, and the same in print."""
    total = found.total()
    near = [sum(found[field] for field in FIELDS[3 : 4 + at]) for at in range(len(TOLERANCES))]
    line = (task, dtype, total, *near, found[OTHER], found[FAILED])
    lines = {line[:2]: line for line in read()} | {(task, dtype): tuple(map(str, line))}
    with FILE.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(lines[at] for at in sorted(lines))
    shares = ", ".join(
        f"{part / total:.0%} within {tolerance:g}" for part, tolerance in zip(near, TOLERANCES, strict=True)
    )
    print(f"{task}, {dtype}: of {total} answers {shares}; {found[OTHER]} others, {found[FAILED]} errors", flush=True)


def table() -> Iterator[str]:
    """For docs/engines.md."""
    yield "| | answers | bfloat16: within 0.01 | within 0.1 | float16: within 0.01 | within 0.1 |"
    yield "|---|---|---|---|---|---|"
    tasks: dict[str, dict[str, tuple[int, ...]]] = {}
    for task, dtype, *counts in read():
        tasks.setdefault(task, {})[dtype] = tuple(map(int, counts))
    for task, found in tasks.items():
        shares = (f"{found[dtype][at] / found[dtype][0]:.0%}" for dtype in DTYPES for at in (2, 3))
        yield f"| {task.replace('_', '-')} | {found[DTYPES[0]][0]} | {' | '.join(shares)} |"


def read() -> Sequence[tuple[str, ...]]:
    if not FILE.exists():
        return []
    with FILE.open(newline="", encoding="utf-8") as lines:
        return [tuple(line) for line in csv.reader(lines)][1:]


if __name__ == "__main__":
    main()
