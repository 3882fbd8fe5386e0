"""Summarization: the checkpoint's prefix and settings, and what the pipeline warns of."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cases.texts import GETTYSBURG, SHORT
from tests.unit.ensemble import Ensemble, text

TASK = "summarization"


@pytest.fixture(scope="module")
def bart(checkpoints: Path) -> Ensemble:
    return Ensemble(TASK, checkpoints / f"{TASK}_bart")


@pytest.fixture(scope="module")
def t5(checkpoints: Path) -> Ensemble:
    return Ensemble(TASK, checkpoints / f"{TASK}_t5")


def ids(ensemble: Ensemble, string: str) -> list[int]:
    row: np.ndarray = ensemble({"TEXT": text(string)}, max_new_tokens=1, num_beams=1)["input_ids"][0]
    return row.tolist()


def test_the_task_s_prefix_goes_before_the_text(t5: Ensemble, bart: Ensemble) -> None:
    for ensemble, prefix in ((t5, "summarize: "), (bart, " ")):
        tokenizer = ensemble.preprocess.tokenizer.backend
        assert ids(ensemble, SHORT) == tokenizer.encode(prefix + SHORT).ids


def test_the_task_s_settings_hold_unless_a_request_says_otherwise(t5: Ensemble) -> None:
    base = t5.model.base(t5.parameters.parse({}))
    assert (base.num_beams, base.max_length, base.min_length, base.no_repeat_ngram_size) == (4, 30, 5, 3)
    (longest,) = t5({"TEXT": text(GETTYSBURG)}, eos_token_id=-1)["sequences"][0]
    assert len(longest) == 30
    assert t5({"TEXT": text(GETTYSBURG)}, eos_token_id=-1, max_length=9)["sequences"].shape[-1] == 9


@pytest.mark.parametrize(
    ("string", "parameters", "lines"),
    [
        (GETTYSBURG, {}, []),
        (GETTYSBURG, {"min_length": 30}, ["Your min_length=30 must be inferior than your max_length=24."]),
        (
            "Call me",
            {},
            [
                "Your max_length is set to 24, but your input_length is only 5. Since this is a summarization task, "
                "where outputs shorter than the input are typically wanted, you might consider decreasing max_length "
                "manually, e.g. summarizer('...', max_length=2)"
            ],
        ),
        (
            "Call me",
            {"max_length": 6, "min_length": 7, "stop_sequence": "Call me"},
            [
                "Stopping on a multiple token sequence",
                "Your min_length=7 must be inferior",
                "Your max_length is set to 6, but your input_length is only 5.",
            ],
        ),
    ],
)
def test_lengths_that_make_little_sense_are_warned_of(
    bart: Ensemble, string: str, parameters: dict[str, Any], lines: list[str]
) -> None:
    ((warning,),) = bart({"TEXT": text(string)}, max_new_tokens=1, **parameters)["WARNING"]
    warned = warning.decode().splitlines()
    assert len(warned) == len(lines) and all(map(str.startswith, warned, lines))


def test_each_row_has_its_own_warning(bart: Ensemble) -> None:
    warnings = bart({"TEXT": text(GETTYSBURG, "Call me", "a")}, max_new_tokens=1)["WARNING"]
    assert [bool(warning) for (warning,) in warnings] == [False, True, True]
