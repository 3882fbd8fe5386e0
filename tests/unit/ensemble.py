"""A task's stages in a row without a server, wired by the names of their tensors as the ensemble wires them."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import Any

import numpy as np

from python_backend.stage import Request, Result, Tensors

Sent = tuple[Tensors, dict[str, Any]]


def strings(*values: str | bytes) -> np.ndarray:
    """[values] of TYPE_STRING: decoupled tasks have no batch dimension."""
    return np.array([value if isinstance(value, bytes) else value.encode() for value in values], object)


def text(*rows: str | bytes) -> np.ndarray:
    """[rows, 1] of TYPE_STRING."""
    return strings(*rows)[:, None]


def lists(*rows: list[str]) -> np.ndarray:
    """[rows, longest] of TYPE_STRING, padded with empty strings."""
    width = max(map(len, rows))
    return np.array([[word.encode() for word in row] + [b""] * (width - len(row)) for row in rows], object)


class Reply:
    """What a caller of a decoupled model would have got."""

    def __init__(self) -> None:
        self.answers: list[Tensors] = []
        self.error: Exception | None = None
        self.gone = False
        self.ended = threading.Event()
        self.answered = threading.Event()

    def send(self, tensors: Tensors, final: bool = False) -> None:
        assert not self.ended.is_set()
        self.answers.append(tensors)
        self.answered.set()
        if final:
            self.ended.set()

    def fail(self, error: Exception) -> None:
        assert not self.ended.is_set()
        self.error = error
        self.ended.set()

    def cancelled(self) -> bool:
        return self.gone


class Ensemble:
    """Preprocess, Model and Postprocess of a task on one checkpoint."""

    def __init__(self, task: str, checkpoint: Path, **settings: str) -> None:
        module = importlib.import_module(f"python_backend.tasks.{task}")
        self.parameters = module.PARAMETERS
        stages = (module.Preprocess, module.Model, module.Postprocess)
        self.preprocess, self.model, self.postprocess = (
            stage.local(checkpoint, {"threads": "1", **settings}) for stage in stages
        )

    def __call__(self, tensors: Tensors, **parameters: Any) -> Tensors:
        """All tensors of one request, from its inputs to its outputs."""
        (result,) = self.batch((tensors, parameters))
        if isinstance(result, Exception):
            raise result
        return result

    def batch(self, *requests: Sent) -> list[Result]:
        """All tensors of each request, or its error: each stage gets all requests in one execution."""
        parameters = [self.parameters.parse(given) for _, given in requests]
        results: list[Result] = [tensors for tensors, _ in requests]
        for stage in (self.preprocess, self.model, self.postprocess):
            good = [(at, tensors) for at, tensors in enumerate(results) if not isinstance(tensors, Exception)]
            outcomes = stage._process_all([Request(tensors, parameters[at]) for at, tensors in good])
            for (at, tensors), outcome in zip(good, outcomes, strict=True):
                results[at] = outcome if isinstance(outcome, Exception) else {**tensors, **outcome}
        return results
