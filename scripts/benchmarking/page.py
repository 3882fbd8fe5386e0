"""Tables in the documentation, written anew with each run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarking.chart import PARTS
from benchmarking.results import ROOT, Result

PAGE = ROOT / "docs" / "performance.md"


def update(results: Sequence[Result], page: Path = PAGE) -> None:
    """Put the results' tables between the page's marks."""
    for name, lines in (("rates", rates(results)), ("times", times(results))):
        put(page, f"<!-- {name}: scripts/benchmark.py -->", lines)


def put(page: Path, mark: str, lines: Iterable[str]) -> None:
    """Lines in place of those between a page's two marks."""
    before, _, after = page.read_text(encoding="utf-8").split(mark)
    page.write_text(mark.join([before, "\n\n" + "\n".join(lines) + "\n\n", after]), encoding="utf-8")


def rates(results: Sequence[Result]) -> Iterator[str]:
    yield "| | engine | at a time | requests/s | p50, p99 ms | of `pipeline()` | of it, batched | of the bare pass |"
    yield "|---|---|---|---|---|---|---|---|"
    for result in results:
        one, batched, bare = result.ratios
        spread = f" ({result.rate_low:,.3g} to {result.rate_high:,.3g})" if result.rate_low < result.rate_high else ""
        yield (
            f"| {named(result)} | {result.engine} | {result.concurrency} | {result.rate:,.4g}{spread} | "
            f"{result.p50:,.3g}, {result.p99:,.3g} | {one:.2f} | {batched:.2f} | {bare:.2f} |"
        )


def times(results: Sequence[Result]) -> Iterator[str]:
    yield "| | outside | waiting | preprocess | model | postprocess | ms | bare pass, ms | memory, MiB |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for result in results:
        if result.concurrency > 1:
            continue
        parts = [getattr(result, part) for part in PARTS]
        shares = " | ".join(f"{part / sum(parts):.0%}" for part in parts)
        memory = result.memory_preprocess + result.memory_model + result.memory_postprocess
        yield (
            f"| {named(result)}{'' if result.engine == 'float32' else f', {result.engine}'} | {shares} | "
            f"{sum(parts):.3g} | {1000 / result.forward_one:.3g} | {memory:,.0f} |"
        )


def named(result: Result) -> str:
    return result.task.replace("_", "-") + (f", {result.load}" if result.load else "")
