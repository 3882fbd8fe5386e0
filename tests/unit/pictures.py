"""What the unit tests of image tasks have in common: pictures, and answers that must not depend on their neighbours."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from python_backend.parameters import InvalidInput
from python_backend.stage import Tensors
from tests.unit.ensemble import Ensemble, Sent, text

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data"
SCENE, LARGE, NARROW, TINY, TALL, SMALL = (
    (DATA / name).read_bytes()
    for name in ("scene.jpg", "large.jpg", "narrow.png", "tiny.png", "tiny_tall.png", "small.png")
)


def labels(*names: str) -> np.ndarray:
    return np.array([[name.encode() for name in names]], object)


def check_batches(
    ensemble: Ensemble, sizes: tuple[bytes, ...] = (SCENE, NARROW, TINY), more: Tensors | None = None, **parameters: Any
) -> None:
    """Requests of pictures of different sizes share executions and get what each gets alone; so do the pictures of one
    request; one that is no picture fails alone."""
    more = more or {}
    alone = [ensemble({"IMAGE": text(data), **more}, **parameters) for data in sizes]
    sent: list[Sent] = [({"IMAGE": text(data), **more}, parameters) for data in (*sizes, b"no picture", sizes[0])]
    *together, refused, again = ensemble.batch(*sent)
    assert isinstance(refused, InvalidInput)
    for one, other in zip([*alone, alone[0]], [*together, again], strict=True):
        assert isinstance(other, dict)
        check_equal(one, other)
    repeated = {name: np.concatenate([tensor] * len(sizes)) for name, tensor in more.items()}
    several = ensemble({"IMAGE": text(*sizes), **repeated}, **parameters)
    for row, one in enumerate(alone):
        check_equal(one, {name: tensor[row : row + 1] for name, tensor in several.items()})


def check_equal(alone: Tensors, among: Tensors) -> None:
    """The tensors of one row, and the same with padding behind them."""
    for name, tensor in alone.items():
        if name in ("IMAGE", "CANDIDATE_LABELS"):
            continue
        part = among[name][tuple(map(slice, tensor.shape))]
        if tensor.dtype.kind == "f":
            largest = max(1.0, np.abs(tensor).max(initial=0, where=np.isfinite(tensor)))
            np.testing.assert_allclose(part, tensor, rtol=0, atol=1e-4 * largest, err_msg=name)
        elif tensor.dtype.kind in "iu" and tensor.size:
            assert (part == tensor).mean() > 0.99, name
        else:
            for one, other in zip(tensor.ravel(), part.ravel(), strict=True):
                assert one == other or (pixels(one) == pixels(other)).mean() > 0.99, name


def pixels(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)))
