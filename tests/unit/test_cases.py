"""Cases resolve to what a pipeline takes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cases import Bytes, Case, File, Generator, Picture, Samples, load, resolve, tasks


def test_files_are_loaded_wherever_they_stand() -> None:
    value = resolve({"path": [File("tests/data/scene.png")], "bytes": (Bytes("tests/data/scene.png"),)})
    assert Image.open(value["path"][0]).size == (120, 90)
    assert value["bytes"][0].startswith(b"\x89PNG")
    assert resolve(Picture("tests/data/grey.png")).mode == "L"


def test_samples_are_floats_at_the_rate_of_the_file() -> None:
    samples = resolve(Samples("tests/data/speech.wav", seconds=0.5))
    assert samples.shape == (8000,)
    assert samples.dtype == np.float32
    assert 0.01 < np.abs(samples).max() <= 1


def test_generators_give_one_item_after_the_other() -> None:
    items = resolve(Generator(("a", File("tests/data/page.txt"))))
    assert isinstance(items, Iterator)
    assert next(items) == "a"
    assert next(items).endswith("page.txt")


def test_a_case_calls_with_its_arguments() -> None:
    def pipeline(*arguments: Any, **parameters: Any) -> Any:
        return arguments, parameters

    assert Case("x", "y", "text", {"top_k": 2}).call(pipeline, more=1) == (("text",), {"top_k": 2, "more": 1})
    assert Case("x", "y", parameters={"question": "Who?"}).call(pipeline) == ((), {"question": "Who?"})


def test_answers_that_come_bit_by_bit_become_a_list() -> None:
    assert Case("x", "y", "text").call(lambda text: iter(text)) == ["t", "e", "x", "t"]


def test_a_case_that_differs_says_why() -> None:
    with pytest.raises(ValueError, match="note"):
        Case("x", "y", "text", refused="no")


@pytest.mark.parametrize("task", tasks())
def test_cases_use_checkpoints_of_their_task(task: str) -> None:
    assert all(case.checkpoint.startswith(f"{task}_") for case in load(task))
