"""Whether an answer is the one that was expected."""

from typing import Any

import numpy as np
from PIL import Image

BOX = {"xmin", "ymin", "xmax", "ymax"}
EQUAL_PIXELS = 0.999


def compare(got: Any, want: Any, path: str = "", *, tolerance: float = 1e-4, array_tolerance: float = 1e-3) -> None:
    """Raise an AssertionError that names the first difference between an answer and the expected one.

    Structure, order, types, texts and integers have to be equal; floats may differ by `tolerance`, the values of an
    array by `array_tolerance`, the sides of a box by a pixel, and of a picture's pixels one in a thousand.
    """
    limits = {"tolerance": tolerance, "array_tolerance": array_tolerance}
    place = path or "the answer"
    assert type(got) is type(want) or (isinstance(want, Image.Image) and isinstance(got, Image.Image)), (
        f"{place} is {kind(got)}, not {kind(want)}"
    )
    if isinstance(want, dict):
        assert got.keys() == want.keys(), f"{place} has the keys {sorted(got)}, not {sorted(want)}"
        for key in want:
            if want.keys() == BOX:
                assert type(got[key]) is int, f"{place}[{key!r}] is {kind(got[key])}, not an int"
                assert abs(got[key] - want[key]) <= 1, f"{place}[{key!r}] is {got[key]}, not {want[key]}"
            else:
                compare(got[key], want[key], f"{path}[{key!r}]", **limits)
    elif isinstance(want, list | tuple):
        assert len(got) == len(want), f"{place} has {len(got)} items, not {len(want)}: {short(got)}, not {short(want)}"
        for index, (one, other) in enumerate(zip(got, want, strict=True)):
            compare(one, other, f"{path}[{index}]", **limits)
    elif isinstance(want, float):
        assert close(got, want, tolerance), f"{place} is {got:.7g}, not {want:.7g}"
    elif isinstance(want, np.ndarray):
        compare_arrays(got, want, place, array_tolerance)
    elif isinstance(want, Image.Image):
        compare_images(got, want, place)
    else:
        assert got == want, f"{place} is {got!r}, not {want!r}"


def compare_arrays(got: np.ndarray, want: np.ndarray, place: str, tolerance: float) -> None:
    """Same shape and type; floats within `tolerance`, all else equal."""
    assert got.shape == want.shape, f"{place} has the shape {got.shape}, not {want.shape}"
    assert got.dtype == want.dtype, f"{place} holds {got.dtype}, not {want.dtype}"
    wrong = ~close(got, want, tolerance) if want.dtype.kind == "f" else got != want
    if wrong.any():
        at = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise AssertionError(
            f"{place}{list(at)} is {got[at]}, not {want[at]}; {wrong.sum()} of {wrong.size} values differ"
        )


def compare_images(got: Image.Image, want: Image.Image, place: str) -> None:
    """Same mode and size, and the same pixels but for one in a thousand."""
    assert got.mode == want.mode, f"{place} has the mode {got.mode}, not {want.mode}"
    assert got.size == want.size, f"{place} has the size {got.size}, not {want.size}"
    same = np.asarray(got) == np.asarray(want)
    share = (same.all(axis=-1) if same.ndim == 3 else same).mean()
    assert share >= EQUAL_PIXELS, f"{place} has {share:.2%} of its pixels equal, not {EQUAL_PIXELS:.1%}"


def close(got: Any, want: Any, tolerance: float) -> Any:
    """Whether floats are within `tolerance`; one that is not a number equals another, an infinity only itself."""
    return np.isclose(got, want, rtol=0, atol=tolerance, equal_nan=True)


def kind(value: Any) -> str:
    """A value's type and a part of it."""
    return f"{type(value).__name__} {short(value)}"


def short(value: Any, length: int = 200) -> str:
    """The beginning of how a value is written."""
    text = repr(value)
    return text if len(text) <= length else text[:length] + "..."
