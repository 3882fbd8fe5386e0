"""Everything that is served with is pinned with hashes, of the versions that the images have."""

import re
from pathlib import Path

from supply_chain import pins

ROOT = Path(__file__).parents[2]


def test_the_lock_holds_every_package_with_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE))
    assert locked == pins(), "python scripts/supply_chain.py lock"


def test_requirements_are_pinned_and_in_the_lock() -> None:
    locked = pins()
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if found := re.match(r"([\w.-]+)(?:\[[\w,]+\])?==(\S+)", line):
            name = found[1].lower().replace("_", "-")
            assert locked.get(name) == found[2], f"{name}: deploy/constraints.txt"
        else:
            assert line.startswith("#"), line


def test_the_licence_of_every_package_is_known() -> None:
    text = (ROOT / "docs/licences.md").read_text()
    rows = dict(re.findall(r"^\| ([\w.-]+) \| \d\S* \| (.+) \|$", text, re.MULTILINE))
    assert rows.keys() == pins().keys(), "python scripts/supply_chain.py licences"
    assert "not said" not in rows.values()
    assert not [name for name, licence in rows.items() if re.search(r"\bA?GPL", licence)]
