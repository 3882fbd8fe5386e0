"""A line of the benchmark, and the file that keeps the last run of each: benchmarks/results.csv."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "benchmarks" / "results.csv"
KEY = ("task", "load", "concurrency", "engine")


@dataclass(frozen=True)
class Result:
    """Rates are requests a second, times milliseconds, memory MiB. Of several runs: the median, and for the rate the
    smallest and largest besides."""

    task: str
    load: str
    concurrency: int
    engine: str
    parameters: int
    """Of the model."""
    rate: float
    rate_low: float
    rate_high: float
    p50: float
    p95: float
    p99: float
    padding: float
    """Share of the tokens in forward passes; 0 where nothing is padded."""
    requests_per_execution: float
    """Of the model step."""
    outside: float
    """Of a request's mean time: in the load generator and on the network."""
    queued: float
    """Waiting for any of the steps."""
    preprocess: float
    model: float
    postprocess: float
    memory_triton: float
    memory_preprocess: float
    memory_model: float
    memory_postprocess: float
    one: float
    """pipeline() of transformers 4.48.1 in float32, one row after the other."""
    batched: float
    """The same at its best batch_size."""
    batch_size: int
    forward: float
    """Its forward pass alone, in the engine's dtype, at its best batch size, of rows sorted by length."""
    forward_one: float
    """The same of one row after the other."""
    machine: str
    versions: str
    command: str

    @property
    def title(self) -> str:
        load = f", {self.load}" if self.load else ""
        return f"{self.task}{load}, {self.engine}, concurrency {self.concurrency}"

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Of the rate to pipeline() one at a time, to pipeline() at its best, and to the forward pass alone: that of
        one row at concurrency 1."""
        bare = self.forward_one if self.concurrency == 1 else self.forward
        return self.rate / self.one, self.rate / self.batched, self.rate / bare

    def __str__(self) -> str:
        one, batched, forward = self.ratios
        memory = (self.memory_preprocess, self.memory_model, self.memory_postprocess)
        return "\n".join([
            self.title,
            f"  {self.rate:,.1f} requests/s ({self.rate_low:,.1f} to {self.rate_high:,.1f}); "
            f"p50 {self.p50:,.1f}, p95 {self.p95:,.1f}, p99 {self.p99:,.1f} ms",
            f"  {one:.2f} of pipeline() one at a time ({self.one:,.1f}/s), {batched:.2f} of pipeline() with batch_size="
            f"{self.batch_size} ({self.batched:,.1f}/s), {forward:.2f} of the forward pass alone",
            f"  a request's time: outside {self.outside:.1f}, waiting {self.queued:.1f}, preprocess "
            f"{self.preprocess:.1f}, model {self.model:.1f}, postprocess {self.postprocess:.1f} ms",
            f"  {self.requests_per_execution:.1f} requests an execution, {self.padding:.0%} padding; memory "
            f"{' + '.join(f'{part:,.0f}' for part in memory)} MiB",
        ])  # fmt: skip


def read(file: Path = FILE) -> list[Result]:
    """All lines; none where there is no file."""
    if not file.exists():
        return []
    casts = {"int": int, "float": float, "str": str}
    with file.open(newline="", encoding="utf-8") as lines:
        return [
            Result(**{field.name: casts[str(field.type)](row[field.name]) for field in dataclasses.fields(Result)})
            for row in csv.DictReader(lines)
        ]


def keep(new: Sequence[Result], file: Path = FILE) -> list[Result]:
    """Write the lines, each in the place of that of the same task, load, concurrency and engine; returns all."""
    lines = {key(result): result for result in [*read(file), *new]}
    kept = [lines[at] for at in sorted(lines)]
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, [field.name for field in dataclasses.fields(Result)], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: rounded(value) for name, value in vars(result).items()} for result in kept)
    return kept


def key(result: Result) -> tuple[Any, ...]:
    return tuple(getattr(result, name) for name in KEY)


def rounded(value: Any) -> Any:
    """Four digits: more would be noise."""
    return float(f"{value:.4g}") if isinstance(value, float) else value
