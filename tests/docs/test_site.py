"""The site builds without a warning, and what its pages link to is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import docs
from tests.docs.blocks import ROOT, pages

QUIET = {"NO_MKDOCS_2_WARNING": "1"}


def build(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder), *options]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **QUIET}, capture_output=True, text=True)


class Page(HTMLParser):
    """The links and anchors of an HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name in ("id", "name") and value:
                self.anchors.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    assert "not included in the" not in done.stderr  # each page of docs/ is in the navigation
    return folder


@pytest.fixture(scope="module")
def parsed(site: Path) -> dict[Path, Page]:
    return {file: Page(file.read_text(encoding="utf-8")) for file in site.rglob("*.html")}


def test_links_lead_to_pages_and_anchors(site: Path, parsed: dict[Path, Page]) -> None:
    broken = []
    for file, page in parsed.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or file.name == "404.html":
                continue
            goal = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            if not goal.exists() or (parts.fragment and goal in parsed and not _has(parsed[goal], parts.fragment)):
                broken.append(f"{file.relative_to(site)}: {link}")
    assert broken == []


def _has(page: Page, anchor: str) -> bool:
    return anchor in page.anchors or anchor.startswith("__")  # those of the theme's own controls


def test_each_task_and_each_written_page_is_there(site: Path) -> None:
    assert sorted(file.stem for file in (site / "tasks").glob("*.html")) == sorted(map(docs.task_id, docs.TASKS))
    for name in pages():
        place = Path(name.removeprefix("docs/")) if name.startswith("docs/") else Path("tree", name)
        place = place.with_name("index.md") if place.name == "README.md" else place
        assert (site / place.with_suffix(".html")).is_file(), name


def test_every_page_is_reached_from_the_first(site: Path, parsed: dict[Path, Page]) -> None:
    seen, waiting = set(), [site / "index.html"]
    while waiting:
        file = waiting.pop()
        if file in seen or file not in parsed:
            continue
        seen.add(file)
        waiting += [(file.parent / unquote(urlsplit(link).path)).resolve() for link in parsed[file].links]
    assert {file.name for file in parsed.keys() - seen} == {"404.html"}


def test_nothing_is_fetched_from_elsewhere(parsed: dict[Path, Page]) -> None:
    for file in parsed:
        text = file.read_text(encoding="utf-8")
        assert '<script src="http' not in text and "fonts.googleapis" not in text, file


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    copied = tmp_path / "docs"
    shutil.copytree(ROOT / "docs", copied)
    (copied / "parity.md").write_text("[nowhere](nowhere.md)\n")
    config = tmp_path / "mkdocs.yml"
    text = (ROOT / "mkdocs.yml").read_text().replace("docs_dir: docs", f"docs_dir: {copied}")
    config.write_text(text.replace("scripts/docs_site.py", str(ROOT / "scripts/docs_site.py")))
    done = build(tmp_path / "site", "--config-file", str(config))
    assert done.returncode != 0 and "nowhere.md" in done.stderr
