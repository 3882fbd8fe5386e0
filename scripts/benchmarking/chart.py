"""The benchmark's chart, benchmarks/results.svg: where a request's time goes, and how rates compare with pipeline()."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarking.results import FILE, Result

SVG = FILE.with_suffix(".svg")
PARTS = ("outside", "queued", "preprocess", "model", "postprocess")
COLOURS = ("#b8c0c8", "#e3d38a", "#7fb3d5", "#2e6da4", "#8fc29a")


def draw(results: Sequence[Result], file: Path = SVG) -> None:
    """One row a task, float32: shares of a lone request's time; the rate under load in units of pipeline()'s."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "results"  # the same file for the same results
    from matplotlib import pyplot

    lone = latest([result for result in results if result.concurrency == 1 and result.engine == "float32"])
    loaded = latest([result for result in results if result.concurrency > 1 and result.engine == "float32"])
    tasks = sorted(lone.keys() & loaded.keys(), reverse=True)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 1.5 + 0.27 * len(tasks)), sharey=True)
    start = [0.0] * len(tasks)
    totals = [sum(getattr(lone[task], each) for each in PARTS) for task in tasks]
    for part, colour in zip(PARTS, COLOURS, strict=True):
        shares = [100 * getattr(lone[task], part) / total for task, total in zip(tasks, totals, strict=True)]
        left.barh(tasks, shares, left=start, color=colour, label=part)
        start = [at + share for at, share in zip(start, shares, strict=True)]
    left.set_xlabel("a lone request's time, %")
    left.legend(loc="upper center", bbox_to_anchor=(0.5, 1.0 + 0.9 / (1 + 0.27 * len(tasks))), ncols=5, fontsize=7)
    right.barh(tasks, [loaded[task].ratios[0] for task in tasks], color=COLOURS[3], label="served, under load")
    best = [loaded[task].batched / loaded[task].one for task in tasks]
    right.plot(best, tasks, "|", color="black", markersize=9, label="pipeline(), best batch_size")
    right.axvline(1, color="grey", linewidth=0.8)
    right.set_xlabel("requests/s; 1: pipeline(), one at a time")
    right.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)


def latest(results: Sequence[Result]) -> dict[str, Result]:
    """One line a task, the first of its loads."""
    return {result.task: result for result in reversed(results)}
