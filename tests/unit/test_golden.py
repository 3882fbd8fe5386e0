"""Goldens survive being written, and every case has one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import cases
from tests.cases import ABSENT, REFUSED_TOO, Case
from tests.parity import golden
from tests.parity.compare import compare


def test_every_type_comes_back() -> None:
    answer = {
        "answer": [{"score": 0.25, "timestamp": (0.5, None)}, "Élodie 👩\u200d🚀", True, 3, None, []],
        "array": np.array([[0.5, np.nan]], np.float32),
        "mask": np.array([[True, False, True]]),
        "image": Image.linear_gradient("L"),
        "empty": {},
    }
    written = golden.layout(golden.encode(answer))
    compare(golden.decode(json.loads(written)), answer, tolerance=0, array_tolerance=0)


def test_numbers_of_numpy_become_pythons() -> None:
    assert golden.encode({"score": np.float32(0.1), "start": np.int64(3)}) == {"score": 0.1, "start": 3}


def test_what_cannot_be_held_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        golden.encode({"answer": b"PNG"})


def test_rows_of_numbers_stand_on_one_line() -> None:
    row = [0.1234567] * 100
    assert golden.layout({"row": row}).count("\n") == 2


def test_digest_tells_checkpoints_apart(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    first = golden.digest(tmp_path)
    (tmp_path / "config.json").write_text("{ }")
    assert golden.digest(tmp_path) != first


@pytest.mark.parametrize("task", cases.tasks())
def test_goldens_fit_the_cases(task: str) -> None:
    answers = golden.read(task)["answers"]
    assert list(answers) == [case.id for case in cases.load(task)], "record the goldens anew"


@pytest.mark.parametrize("task", cases.tasks())
def test_every_case_has_an_answer(task: str) -> None:
    answers: dict[str, Any] = golden.read(task)["answers"]
    left = [case.id for case in cases.load(task) if "error" in answers[case.id] and not says_what_instead(case)]
    assert not left, f"the oracle fails and the cases do not say what we do instead: {left}"


def says_what_instead(case: Case) -> bool:
    """Whether a case stands without an answer of the oracle."""
    return bool(case.refused) or (case.expected is not ABSENT and not callable(case.expected))


@pytest.mark.parametrize("task", cases.tasks())
def test_the_oracle_answers_nothing_that_it_is_said_to_refuse(task: str) -> None:
    answers: dict[str, Any] = golden.read(task)["answers"]
    answered = [case.id for case in cases.load(task) if REFUSED_TOO in case.note and "error" not in answers[case.id]]
    assert not answered
