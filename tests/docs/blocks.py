"""The blocks of code of a Markdown page, and what keeps some of them from being run.

A line <!-- not run: why --> before a block says so; it does not show.
"""

from __future__ import annotations

import re
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


def pages() -> dict[str, str]:
    """The pages that people write: name and text."""
    files = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}
