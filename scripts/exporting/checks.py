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
    allowed: float
    """The largest that may be."""
    eager: float
    """Milliseconds of a pass."""
    engine: float

    def __str__(self) -> str:
        faster = self.eager / self.engine
        return f"{self.size:<22} {self.difference:>11.1e} {self.eager:>11.2f} {self.engine:>11.2f} {faster:>7.2f}x"


HEADER = f"{'':<22} {'difference':>11} {'eager, ms':>11} {'engine, ms':>11} {'':>8}"


def compare(size: str, inputs: Inputs, eager: Run, engine: Run, reference: Run | None, seconds: float) -> Comparison:
    """
    Args:
        reference: eager float32, where `eager` is half precision.
        seconds: to spend on timing each of the two.
    """
    expected, got = eager(inputs), engine(inputs)
    if missing := expected.keys() - got.keys():
        raise ExportError(f"The engine lacks {', '.join(sorted(missing))}.")
    difference, allowed = 0.0, float("inf")
    for name, tensor in expected.items():
        if got[name].shape != tensor.shape:
            raise ExportError(
                f"At {size}, the engine's {name} is {list(got[name].shape)}, eager PyTorch's {list(tensor.shape)}."
            )
        wanted, given = tensor.float(), got[name].float()
        finite = wanted.isfinite()
        if not bool(given[finite].isfinite().all()):
            raise ExportError(f"At {size}, the engine's {name} has numbers that are infinite or none at all.")
        wanted, given = wanted[finite], given[finite]
        scale = max(1.0, float(wanted.abs().max())) if len(wanted) else 1.0
        here, limit = largest(given - wanted), TOLERANCE * scale
        if reference is not None:
            exact = reference(inputs)[name].float()[finite]
            limit = HALF_TOLERANCE * scale + 2 * largest(wanted - exact)
            here, off = here, largest(given - exact)
            if off > limit:
                raise ExportError(f"At {size}, {name} is {off:.1e} from float32, {limit:.1e} is allowed.")
        difference, allowed = max(difference, here), min(allowed, limit)
        if reference is None and here > limit:
            raise ExportError(f"At {size}, {name} differs by {here:.1e} from eager PyTorch's; {limit:.1e} is allowed.")
    return Comparison(size, difference, allowed, *timed((eager, engine), inputs, seconds))


def largest(difference: torch.Tensor) -> float:
    return float(difference.abs().max()) if difference.numel() else 0.0


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
