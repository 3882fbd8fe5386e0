"""Run a served task over a large data set with Ray Data: many rows a request, several workers, on one machine or many.

    pip install "ray[data]" tqdm triton-pipelines
    python examples/batch_ray.py reviews.parquet scored/ --task text-classification --column text

Each shard of rows becomes one file, scored/part-00042.jsonl, written in one step. So the same command after a crash
goes on with the shards that are missing: nothing is lost, nothing is done twice. While the server is away or full, a
worker waits and asks again.
"""

from __future__ import annotations

import argparse
import json
import time
import uuid
from pathlib import Path
from typing import Any

import ray
import tqdm

PATIENCE = 600
"""Seconds that a worker waits for a server."""


class Worker:
    """Holds a client; runs one shard after the other."""

    def __init__(self, task: str, url: str, model: str | None, parameters: dict[str, Any]) -> None:
        from triton_pipelines import pipeline

        self.run = pipeline(task, model, url, **parameters)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        done = [self.shard(json.loads(shard)) for shard in batch["shard"]]
        return {"rows": done}

    def shard(self, shard: dict[str, Any]) -> int:
        """Answer a shard's rows into its file; how many there are."""
        rows = read_rows(Path(shard["source"]), shard["start"], shard["stop"])
        results = self.answers([row[shard["column"]] for row in rows])
        target = Path(shard["target"])
        scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        lines = (json.dumps({**row, "result": result}, default=str) for row, result in zip(rows, results, strict=True))
        scratch.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        scratch.replace(target)
        return len(rows)

    def answers(self, inputs: list[Any]) -> list[Any]:
        from triton_pipelines import Unavailable

        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return list(self.run(inputs))
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)


def read_rows(source: Path, start: int, stop: int) -> list[dict[str, Any]]:
    """Some rows of a Parquet file; of its row groups, those alone are read that have them."""
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(source, memory_map=True)
    groups, first, at = [], 0, 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if at < stop and at + rows > start:
            first = first if groups else at
            groups.append(group)
        at += rows
    found: list[dict[str, Any]] = file.read_row_groups(groups).slice(start - first, stop - start).to_pylist()
    return found


def main() -> None:
    import pyarrow.parquet

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a Parquet file")
    parser.add_argument("target", type=Path, help="a folder")
    parser.add_argument("--task", required=True)
    parser.add_argument("--column", required=True, help="of the inputs")
    parser.add_argument("--model", help="the deployment's name, where it is not the task's")
    parser.add_argument("--url", default="localhost:8001", help="host:port of gRPC; a load balancer's for many servers")
    parser.add_argument("--workers", type=int, default=2, help="clients at a time; default %(default)s")
    parser.add_argument("--shard-rows", type=int, default=2_000, help="rows of a file; default %(default)s")
    parser.add_argument("--parameters", type=json.loads, default={}, help='of the task, as JSON: {"top_k": 1}')
    options = parser.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)
    count = pyarrow.parquet.ParquetFile(options.source).metadata.num_rows
    starts = range(0, count, options.shard_rows)
    shards = [
        {
            "source": str(options.source.resolve()),
            "target": str(options.target.resolve() / f"part-{number:05d}.jsonl"),
            "column": options.column,
            "start": start,
            "stop": min(start + options.shard_rows, count),
        }
        for number, start in enumerate(starts)
    ]
    missing = [shard for shard in shards if not Path(shard["target"]).exists()]
    print(f"{count:,} rows in {len(shards)} shards, {len(missing)} of them to do")
    if not missing:
        return
    ray.init(log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False  # of each operator; one of rows says more
    done = ray.data.from_items([{"shard": json.dumps(shard)} for shard in missing], override_num_blocks=len(missing))
    done = done.map_batches(
        Worker,
        fn_constructor_args=(options.task, options.url, options.model, options.parameters),
        batch_size=1,
        concurrency=options.workers,
    )
    to_do = sum(shard["stop"] - shard["start"] for shard in missing)
    with tqdm.tqdm(total=to_do, unit="rows", unit_scale=True) as bar:
        for row in done.iter_rows():
            bar.update(row["rows"])


if __name__ == "__main__":
    main()
