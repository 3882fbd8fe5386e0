"""The comparison of answers catches each kind of difference, and says where it is."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.parity.compare import compare

GREY = Image.new("L", (40, 50), 7)


def painted(pixels: int) -> Image.Image:
    """The grey picture with some other pixels."""
    image = GREY.copy()
    for x in range(pixels):
        image.putpixel((x, 0), 8)
    return image


@pytest.mark.parametrize(
    "answer",
    [
        [{"label": "joy", "score": 0.5}, {"label": "fear", "score": 0.25}],
        {"text": "a", "chunks": [{"text": "b", "timestamp": (0.1, None)}]},
        [[[0.1, 0.2], [0.3, float("nan")]]],
        np.array([[0.5, np.nan, np.inf]], np.float32),
        np.array([1, 2, 3]),
        GREY,
        [],
        None,
        True,
    ],
)
def test_an_answer_equals_itself(answer: Any) -> None:
    compare(answer, answer)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        ({"score": 0.50009}, {"score": 0.5}),
        (np.array([1.0009]), np.array([1.0])),
        ({"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}, {"xmin": 2, "ymin": 1, "xmax": 3, "ymax": 5}),
        (painted(2), GREY),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
    ],
)
def test_small_differences_are_allowed(got: Any, want: Any) -> None:
    compare(got, want)


@pytest.mark.parametrize(
    ("got", "want", "message"),
    [
        ([{"score": 0.1}, {"score": 0.5}], [{"score": 0.1}, {"score": 0.5002}], r"\[1\]\['score'\] is 0.5, not 0.5002"),
        ({"label": "joy"}, {"label": "fear"}, r"\['label'\] is 'joy', not 'fear'"),
        ([1], [2], r"\[0\] is 1, not 2"),
        ([1, 2], [1], "the answer has 2 items, not 1"),
        ([], [1], "the answer has 0 items, not 1"),
        (["a", "b"], ["b", "a"], r"\[0\] is 'a', not 'b'"),
        ({"a": 1}, {"a": 1, "b": 2}, r"keys \['a'\], not \['a', 'b'\]"),
        ({"a": 1, "b": 2}, {"a": 1}, r"keys \['a', 'b'\], not \['a'\]"),
        ([{"a": 1}], {"a": 1}, "the answer is list .*, not dict"),
        ({"timestamp": [0.1, 0.2]}, {"timestamp": (0.1, 0.2)}, r"\['timestamp'\] is list .*, not tuple"),
        ([1], [1.0], r"\[0\] is int 1, not float 1.0"),
        ([np.float32(1)], [1.0], r"\[0\] is float32 .*, not float"),
        ([True], [1], r"\[0\] is bool True, not int 1"),
        ([None], [0.5], r"\[0\] is NoneType None, not float"),
        ([0.5], [None], r"\[0\] is float 0.5, not NoneType"),
        ([float("nan")], [0.5], r"\[0\] is nan, not 0.5"),
        ([0.5], [float("nan")], r"\[0\] is 0.5, not nan"),
        ([1e9], [float("inf")], "not inf"),
        (b"a", "a", "bytes .*, not str"),
        (np.zeros((1, 2)), np.zeros((2, 1)), r"shape \(1, 2\), not \(2, 1\)"),
        (np.zeros(2, np.float32), np.zeros(2), "holds float32, not float64"),
        (np.array([[0.0, 1.0]]), np.array([[0.0, 1.002]]), r"\[0, 1\] is 1.0, not 1.002; 1 of 2"),
        (np.array([1, 2]), np.array([1, 3]), r"\[1\] is 2, not 3"),
        ([0.0], np.zeros(1), "list .*, not ndarray"),
        (
            {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4},
            {"xmin": 3, "ymin": 2, "xmax": 3, "ymax": 4},
            r"\['xmin'\] is 1, not 3",
        ),
        (
            {"xmin": 1.0, "ymin": 2, "xmax": 3, "ymax": 4},
            {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4},
            r"\['xmin'\] is float 1.0, not an int",
        ),
        (painted(3), GREY, "99.85% of its pixels equal, not 99.9%"),
        (GREY.convert("RGB"), GREY, "mode RGB, not L"),
        (GREY.resize((50, 40)), GREY, r"size \(50, 40\), not \(40, 50\)"),
    ],
)
def test_differences_are_named(got: Any, want: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        compare(got, want)


def test_tolerances_reach_into_the_answer() -> None:
    compare([{"score": 0.5}], [{"score": 0.6}], tolerance=0.2)
    compare({"features": np.array([0.5])}, {"features": np.array([0.6])}, array_tolerance=0.2)
    with pytest.raises(AssertionError, match=r"\[0\]\['score'\]"):
        compare([{"score": 0.5}], [{"score": 0.6}], array_tolerance=0.2)
