"""scripts/soak.py for a short while; see there for longer ones."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from soak import Outcome, count_steps, report

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[2]
TASKS = ("text-classification", "zero-shot-classification")


def test_64_clients_get_their_own_answers(checkpoints: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/soak.py"), "--seconds", "6", "--slope", "100000", *TASKS]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"answers: ([\d,]+) right$", done.stdout, re.MULTILINE)
    assert found and int(found[1].replace(",", "")) > 100, done.stdout


@pytest.mark.parametrize(
    ("kind", "uneven", "slope", "code"),
    [("right", [], 0.0, 0), ("wrong", [], 0.0, 1), ("lost", [], 0.0, 1), ("failed", [], 0.0, 1),
     ("right", ["lost"], 0.0, 1), ("right", [], 100.0, 1)],
)  # fmt: skip
def test_what_ends_a_soak_badly(kind: str, uneven: list[str], slope: float, code: int) -> None:
    outcome = Outcome(memory=[(second, 500 + slope / 60 * second) for second in range(60)])
    outcome.note(kind)
    assert report(outcome, uneven, most=60) == code


class Server:
    """Answers what a server says of a deployment whose model handled one request less than its preprocessor."""

    def get(self, path: str) -> dict[str, object]:
        if path.endswith("config"):
            return {}
        success = 33 if "preprocess" in path else 32
        return {"model_stats": [{"inference_stats": {"success": {"count": success}, "fail": {"count": 0}}}]}


def test_a_request_that_is_lost_between_steps_is_found() -> None:
    assert "x lost [1, 0] between its steps" in count_steps(Server(), "x")  # type: ignore[arg-type]
