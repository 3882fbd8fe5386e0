"""What transformers' own pipeline() does with the same input on this machine; run by the benchmark in .oracle.

    .oracle/bin/python scripts/benchmarking/reference.py '{"task": "fill_mask", ...}'     # fields of Question

Prints JSON, fields of Reference. The forward pass is timed inside the pipeline's own calls.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BATCHES = (1, 8, 32)
"""Rows of pipeline()'s batch_size that are tried."""
TOGETHER = {"QUESTION", "CONTEXT", "WORDS", "BOXES", "TABLE", "QUERY"}
"""Tensors that pipelines take as entries of one dict."""


@dataclass(frozen=True)
class Question:
    task: str
    recipe: str
    """The made checkpoint that this one is like: tests/cases may know what its pipeline lacks."""
    checkpoint: str
    data: str
    """perf_analyzer's input file."""
    dtype: str
    parameters: dict[str, Any]
    seconds: float
    """Of each measurement."""
    batches: tuple[int, ...] = BATCHES


@dataclass(frozen=True)
class Reference:
    """Rows a second."""

    one: float
    """pipeline(), one row after the other."""
    batched: float
    """pipeline() at its best batch_size."""
    batch_size: int
    forward: float
    """The forward pass alone, at its best batch size; rows sorted by length."""
    forward_one: float
    """The forward pass alone, one row after the other."""
    parameters: int
    """Of the model."""


def main() -> None:
    question = Question(**json.loads(sys.argv[1]))
    warnings.simplefilter("ignore")
    print(json.dumps(dataclasses.asdict(measure(question))))


def measure(question: Question) -> Reference:
    import torch
    import transformers

    sys.path.insert(0, str(ROOT))
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(os.cpu_count() or 1)
    make: Any = transformers.pipeline
    dtype = getattr(torch, question.dtype)
    with tempfile.TemporaryDirectory() as folder:
        pipeline = make(question.task.replace("_", "-"), model=question.checkpoint, torch_dtype=dtype)
        mend(pipeline, question)
        rows, keywords = inputs(question, Path(folder))
        timed = Timed(pipeline)
        by_length = sorted(rows, key=lambda row: len(row) if isinstance(row, str) else 0)
        found = {}
        for size in question.batches:
            count = 1 if size == 1 else 2 * size
            given = by_length * (-(-count // len(rows)))
            call = calls(pipeline, given, keywords, size)
            try:
                found[size] = timed.rates(call, len(given), question.seconds)
            except (ValueError, RuntimeError, AttributeError, TypeError):
                if size == 1:
                    raise
                continue  # 4.48.1 knows no batches of this model or task
            if len(rows) > 1 and size > 1:  # in the order that they come in, as users have them
                mixed = calls(pipeline, rows * (-(-count // len(rows))), keywords, size)
                found[size] = timed.rates(mixed, len(given), question.seconds)[0], found[size][1]
    size = max(found, key=lambda size: found[size][0])
    ones = found.get(1, (0.0, 0.0))
    forward = max(rate for _, rate in found.values())
    parameters = sum(parameter.numel() for parameter in pipeline.model.parameters())
    return Reference(ones[0], found[size][0], size, forward, ones[1], parameters)


def mend(pipeline: Any, question: Question) -> None:
    """Give the pipeline what it lacks in its environment, as for the goldens."""
    import importlib

    from tests.cases import Case

    module = importlib.import_module(f"tests.cases.{question.task}")
    if hasattr(module, "mend"):
        module.mend(pipeline, Case("benchmark", question.recipe))
    tokenizer = pipeline.tokenizer
    if tokenizer is not None and tokenizer.pad_token_id is None:  # without, it makes no batches
        tokenizer.pad_token_id = tokenizer.eos_token_id or 0


class Timed:
    """A pipeline whose forward passes are timed."""

    def __init__(self, pipeline: Any) -> None:
        self.spent = 0.0
        forward = pipeline._forward

        def timed(*arguments: Any, **keywords: Any) -> Any:
            started = time.perf_counter()
            try:
                return forward(*arguments, **keywords)
            finally:
                self.spent += time.perf_counter() - started

        pipeline._forward = timed

    def rates(self, call: Callable[[], None], rows: int, seconds: float) -> tuple[float, float]:
        """Rows a second of the call, and of the forward passes in it, after a call to warm up."""
        call()
        done, self.spent, started = 0, 0.0, time.perf_counter()
        while time.perf_counter() - started < seconds or not done:
            call()
            done += rows
        elapsed = time.perf_counter() - started
        return done / elapsed, done / self.spent


def calls(pipeline: Any, rows: list[Any], keywords: dict[str, Any], size: int) -> Callable[[], None]:
    """A function that asks the pipeline about all the rows."""
    positional = "text" not in keywords  # of image-text-to-text

    def ask(given: Any, **more: Any) -> None:
        answer = pipeline(given, **keywords, **more) if positional else pipeline(text=given, **more)
        if isinstance(answer, Iterator):
            list(answer)

    def one_by_one() -> None:
        for row in rows:
            ask(row)

    return one_by_one if size == 1 else lambda: ask(rows, batch_size=size)


def inputs(question: Question, folder: Path) -> tuple[list[Any], dict[str, Any]]:
    """The rows of perf_analyzer's input file as the pipeline takes them, and what goes with all of them."""
    entries = [
        {name: values(name, value, folder) for name, value in entry.items()}
        for entry in json.loads(Path(question.data).read_text())["data"]
    ]
    keywords = dict(question.parameters)
    if "CANDIDATE_LABELS" in entries[0]:
        keywords["candidate_labels"] = entries[0]["CANDIDATE_LABELS"]
    if "MESSAGES" in entries[0]:
        keywords["text"] = True
    return [row(entry) for entry in entries], keywords


def row(entry: dict[str, Any]) -> Any:
    if "MESSAGES" in entry:
        messages = json.loads(entry["MESSAGES"][0])
        pictures = iter(entry["IMAGE"])
        for part in (part for message in messages for part in message["content"]):
            if part["type"] == "image":
                part["image"] = next(pictures)
        return messages
    if not entry.keys() & TOGETHER:
        (name,) = entry.keys() - {"CANDIDATE_LABELS"}
        return entry[name][0]
    given = {name.lower(): entry[name][0] for name in entry if name not in ("WORDS", "BOXES")}
    if "table" in given:
        given["table"] = json.loads(given["table"])
    if "WORDS" in entry:
        boxes = entry["BOXES"]
        given["word_boxes"] = [[word, boxes[4 * at : 4 * at + 4]] for at, word in enumerate(entry["WORDS"])]
    return given


def values(name: str, value: Any, folder: Path) -> list[Any]:
    """A tensor of the input file, flat: text, numbers, or what a file holds."""
    if not isinstance(value, dict):
        return list(value)
    if "content" in value:
        return list(value["content"])
    data, found = base64.b64decode(value["b64"]), []
    while data:  # each element is preceded by its length
        length = int.from_bytes(data[:4], "little")
        found.append(media(name, data[4 : 4 + length], folder))
        data = data[4 + length :]
    return found


def media(name: str, data: bytes, folder: Path) -> Any:
    """A file, which is read and decoded again at each call; audio as bytes, which are as well."""
    if name == "AUDIO":
        return data
    file = folder / f"{hashlib.sha256(data).hexdigest()[:16]}{'.mp4' if name == 'VIDEO' else ''}"
    file.write_bytes(data)
    return str(file)


if __name__ == "__main__":
    main()
