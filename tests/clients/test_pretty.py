"""What a person sees in a terminal."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from triton_pipelines import InvalidInput
from triton_pipelines.cli import pretty

BOX = {"xmin": 1, "ymin": 2, "xmax": 30, "ymax": 40}


def shown(result: Any) -> list[str]:
    """The lines, with one space where there are several."""
    console = Console(width=100, file=io.StringIO())
    with console.capture() as captured:
        console.print(pretty.render(result, 100))
    return [" ".join(line.split()) for line in captured.get().splitlines()]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("a text", ["a text"]),
        ([{"generated_text": "once [bold]upon[/bold]"}], ["once [bold]upon[/bold]"]),
        (
            {"sequence": "s", "labels": ["a", "b"], "scores": [1.0, 0.0]},
            ["label score", "a 1.0000 " + "█" * 20],
        ),
        ({"score": 0.5, "answer": "Berlin"}, ["score 0.5000 " + "█" * 10, "answer Berlin"]),
        ([{"label": "cat", "box": BOX}], ["label xmin ymin xmax ymax", "cat 1 2 30 40"]),
        ({"audio": np.zeros((1, 16000)), "sampling_rate": 16000}, ["1.00 s of audio at 16000 Hz"]),
        (np.array([[0.5, 2.0]], np.float32), ["float32 [1, 2], 0.5 to 2"]),
        (InvalidInput("bad text"), ["error: bad text"]),
        ([[0.1] * 20] * 2, ["0.1"]),
        ([], ["[]"]),
        ([{"a": None, "b": 1}, {"a": 2.5}], ["a", "1", "2.5"]),
    ],
)
def test_results(result: Any, expected: list[str]) -> None:
    lines = shown(result)
    for part in expected:
        assert any(part in line for line in lines), (part, lines)


def test_a_picture_has_two_pixels_a_character() -> None:
    image = Image.new("RGB", (4, 4), "red")
    image.paste("blue", (0, 0, 4, 1))
    text = pretty.picture(image, 40)
    assert text.plain == "\n".join(["▀▀▀▀"] * 2)
    assert str(text.spans[0].style) == "#0000ff on #ff0000"
    assert len(pretty.picture(Image.new("L", (400, 100)), 40).plain.splitlines()) == 5
    assert pretty.picture(Image.new("I;16", (300, 1)), 40).plain


def test_a_picture_in_a_table() -> None:
    lines = shown([{"label": "cat", "mask": Image.new("L", (2, 2), 255)}])
    assert "cat" in lines[1] and "▀▀" in lines[1]
