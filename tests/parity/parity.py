"""Tests that ask served deployments what the oracle was asked, and compare the answers.

A task's tests are made by

    test_fill_mask = parity("fill-mask")

They need the fixture `served`: a function from the name of a made checkpoint to a server that has it deployed.
"""

import re
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from serving.embedded_server import EmbeddedServer
from tests import cases
from tests.cases import ABSENT, ROOT, Case
from tests.parity import golden
from tests.parity.compare import compare
from triton_pipelines import NotFound, Unsupported, pipeline

PROGRAMS = {"object_detection_layoutlmv3": "tesseract"}
"""What made checkpoints need of the machine."""
REFUSALS = (ValueError, TypeError, Unsupported, NotFound)
"""ValueError: InvalidInput is one."""


def parity(task: str, tolerance: float = 1e-4) -> Callable[..., None]:
    """A test function, parametrized over the cases of `task` (with dashes); scores are within `tolerance`."""

    @pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in cases.load(task.replace("-", "_"))])
    def test(case: Case, served: Callable[[str], EmbeddedServer]) -> None:
        program = case.needs or PROGRAMS.get(case.checkpoint)
        if program and shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        check(task, case, served(case.checkpoint).grpc_url, tolerance)

    return test


def check(task: str, case: Case, url: str, tolerance: float = 1e-4) -> None:
    """Asks the deployment of the case's checkpoint at `url`: the answer is the oracle's, or the refusal that the case
    names. A failure of the server is no refusal."""
    goldens = golden.read(task.replace("-", "_"))

    def ask() -> Any:
        with pipeline(task, model=case.checkpoint, url=url, **cases.resolve(case.init)) as served:
            return case.call(served)

    if case.refused:
        with pytest.raises(REFUSALS, match=re.compile(case.refused, re.I)):
            ask()
        return
    want = expected(case, goldens["answers"])
    try:
        compare(ask(), want, tolerance=tolerance)
    except AssertionError as difference:
        if golden.digest(ROOT / ".checkpoints" / case.checkpoint) != goldens["checkpoints"][case.checkpoint]:
            difference.add_note(
                "The goldens were recorded with another checkpoint: python scripts/make_checkpoints.py, "
                f"then .oracle/bin/python scripts/record_goldens.py {task}"
            )
        raise


def expected(case: Case, answers: dict[str, Any]) -> Any:
    """What a case has to be answered: what it says itself, else what the oracle answered."""
    if case.expected is not ABSENT and not callable(case.expected):
        return case.expected
    if case.id not in answers:
        raise LookupError(f"no golden for {case.id}: .oracle/bin/python scripts/record_goldens.py")
    answer = answers[case.id]
    if "error" in answer:
        raise LookupError(f"the oracle has no answer to {case.id} ({answer['error']}): give `expected` or `refused`")
    return case.expected(answer["answer"]) if callable(case.expected) else answer["answer"]
