"""An engine against eager PyTorch: how far their outputs differ, and how fast both are."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from exporting.errors import ExportError
from exporting.graph import Inputs

Run = Callable[[Inputs], Inputs]
"""A forward pass: inputs to outputs, by name."""

TOLERANCE = 1e-4
"""Of float32, in units of the largest output (at least 1)."""
HALF_TOLERANCE = 1e-2
"""The same of bfloat16 and float16, on top of twice the difference that eager PyTorch itself has from float32."""


@dataclass(frozen=True)
class Comparison:
    """At one size of input."""

    size: str
    difference: float
    """The largest between outputs of the engine and of eager PyTorch of the same dtype."""
    eager: float
    """Milliseconds of a pass."""
    engine: float

    def __str__(self) -> str:
        faster = self.eager / self.engine
        return f"{self.size:<22} {self.difference:>11.1e} {self.eager:>11.2f} {self.engine:>11.2f} {faster:>7.2f}x"


HEADER = f"{'':<22} {'difference':>11} {'eager, ms':>11} {'engine, ms':>11} {'':>8}"


def compare(size: str, inputs: Inputs, eager: Run, engine: Run, reference: Run | None, seconds: float) -> Comparison:
    """ExportError where the engine is not good enough.

    Args:
        reference: eager float32, where `eager` is half precision.
        seconds: to spend on timing each of the two.
    """
    expected, got = eager(inputs), engine(inputs)
    if missing := expected.keys() - got.keys():
        raise ExportError(f"The engine lacks {', '.join(sorted(missing))}.")
    exact = reference(inputs) if reference else {}
    found = [differs(size, name, tensor, got[name], exact.get(name)) for name, tensor in expected.items()]
    return Comparison(size, max(found, default=0.0), *timed((eager, engine), inputs, seconds))


def differs(size: str, name: str, expected: torch.Tensor, got: torch.Tensor, exact: torch.Tensor | None) -> float:
    """How far an output of the engine is from that of eager PyTorch, at most; ExportError where it may not be so far.

    Args:
        exact: the output in float32, where the two are of half precision.
    """
    if got.shape != expected.shape:
        raise ExportError(
            f"At {size}, the engine's {name} is {list(got.shape)}, eager PyTorch's {list(expected.shape)}."
        )
    finite = expected.isfinite()
    wanted, given = expected.float()[finite], got.float()[finite]
    if not bool(given.isfinite().all()):
        raise ExportError(f"At {size}, the engine's {name} has numbers that are infinite or none at all.")
    scale, difference = max(1.0, largest(wanted)), largest(given - wanted)
    if exact is None:
        if difference > (limit := TOLERANCE * scale):
            raise ExportError(
                f"At {size}, {name} differs by {difference:.1e} from eager PyTorch's; {limit:.1e} is allowed."
            )
        return difference
    right = exact.float()[finite]
    off, limit = largest(given - right), HALF_TOLERANCE * scale + 2 * largest(wanted - right)
    if off > limit:
        raise ExportError(f"At {size}, {name} is {off:.1e} from float32, {limit:.1e} is allowed.")
    return difference


def largest(values: torch.Tensor) -> float:
    """Whatever its sign; 0 of none."""
    return float(values.abs().max()) if values.numel() else 0.0


def timed(runs: Sequence[Run], inputs: Inputs, seconds: float) -> list[float]:
    """Milliseconds of each, the median of calls that take turns."""
    times: list[list[float]] = [[] for _ in runs]
    end = time.perf_counter() + seconds * len(runs)
    while time.perf_counter() < end or len(times[0]) < 3:
        for run, spent in zip(runs, times, strict=True):
            started = time.perf_counter()
            run(inputs)
            spent.append(1000 * (time.perf_counter() - started))
    return [statistics.median(spent) for spent in times]
