"""What the site has besides docs/: a page for each task, and files of the tree that pages link to. A hook of MkDocs.

`make docs` builds the site from docs/ and mkdocs.yml into site/. A link like ../deploy/prometheus/adapter.yml leads to
the file in the tree for those who read docs/ there; in the site, to a page that shows the file.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [path for path in (str(ROOT), str(ROOT / "scripts")) if path not in sys.path]

import docs  # noqa: E402

TREE = "tree"
"""The folder of the site in which files of the tree are."""
GUIDES = "Guides"
LINK = re.compile(r"(\]\()(?!https?:|mailto:|#)([^)\s#]+)((?:#[^)\s]*)?\))")
LANGUAGES = {".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".py": "python", ".sh": "bash", "": "text"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the tasks into the navigation, and those pages of docs/ that it does not name among the guides."""
    for section in config.nav or []:
        if section == {"Tasks": "tasks/*"}:
            section["Tasks"] = [
                {family: [f"tasks/{docs.path(task)}" for task in docs.TASKS if docs.family(task) == family]}
                for family in docs.FAMILIES
            ]
    named = set(re.findall(r"[\w./-]+\.md", str(config.nav)))
    (guides,) = (section[GUIDES] for section in config.nav or [] if GUIDES in section)
    guides += sorted({path.name for path in Path(config.docs_dir).glob("*.md")} - named)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that no file in docs/ holds."""
    for task in docs.TASKS:
        files.append(File.generated(config, f"tasks/{docs.path(task)}", content=docs.page(task)))
    shown: set[str] = set()
    pages = list(files.documentation_pages())
    while pages:
        paths = {path for file in pages for path in _linked(file)} - shown
        pages = [File.generated(config, _place(path), content=_page(path)) for path in sorted(paths)]
        for file in pages:
            files.append(file)
        shown |= paths
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the tree into links to the pages that show them."""
    here = PurePosixPath(page.file.src_uri).parent

    def within(match: re.Match[str]) -> str:
        path = _target(page.file, match[2])
        return match[1] + os.path.relpath(_place(path), here) + match[3] if path else match[0]

    return LINK.sub(within, markdown)


def _linked(file: File) -> set[str]:
    """The files of the tree, outside docs/, that a page links to."""
    targets = (_target(file, link) for _, link, _ in LINK.findall(file.content_string))
    return {path for path in targets if path and not path.startswith("docs/")}


def _target(file: File, link: str) -> str | None:
    """The path in the tree of what a page links to; None for what MkDocs finds by itself, and for what is not there."""
    path = os.path.normpath(_source(file).parent / link)
    if path.startswith("docs/") and not file.src_uri.startswith(f"{TREE}/"):
        return None
    return path if (ROOT / path).is_file() else None


def _source(file: File) -> PurePosixPath:
    """The path in the tree that a page was made from."""
    inside = PurePosixPath(file.src_uri)
    if inside.parts[0] != TREE:
        return "docs" / inside
    path = inside.relative_to(TREE)
    return path if (ROOT / path).is_file() else path.with_suffix("")


def _place(path: str) -> str:
    """Where the site has a file of the tree."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"{TREE}/{path}" if path.endswith(".md") else f"{TREE}/{path}.md"


def _page(path: str) -> str:
    """A file of the tree as a page: Markdown as it is, all else as a block of code."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    return f"# {path}\n\n````{LANGUAGES.get(Path(path).suffix, 'text')}\n{text}\n````\n"
