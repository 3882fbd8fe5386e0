"""The blocks of code of a Markdown page, what keeps some of them from being run, and where the others are.

A line <!-- not run: why --> before a block says so; it does not show.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(?:<!-- not run: (?P<why>[^\n]+) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """One block; `why` is empty where it is run."""

    page: str
    line: int
    language: str
    code: str
    why: str


def blocks(page: str, text: str) -> list[Block]:
    return [
        Block(page, text[: match.start("code")].count("\n"), match["language"], match["code"], match["why"] or "")
        for match in FENCE.finditer(text)
    ]


def copy_tree(target: Path, *which: str) -> Path:
    """The files that `git ls-files` lists with these options, and this tree's .venv, in a folder of their own."""
    listed = subprocess.run(["git", "ls-files", "-z", *which], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(ROOT / ".venv")
    return target


def pages() -> dict[str, str]:
    """The pages that people write: name and text."""
    files = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}
