"""The blocks of the guides, run in the order of the site in a copy of the tree, against a server on made checkpoints.

Pages that tell of clusters, containers and the like are in NOT_RUN; test_pages.py checks that what they name exists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from install import install
from serving import administration
from serving.embedded_server import EmbeddedServer
from tests.docs.blocks import ROOT, Block, blocks, copy_tree, pages

NOT_RUN = {
    "docs/deployment.md": "needs Docker",
    "docs/kubernetes.md": "needs a cluster",
    "docs/reliability.md": "its commands stop and break servers",
    "docs/engines.md": "needs engines that are exported first",
    "docs/client.md": "its examples name many deployments",
    "docs/scaling.md": "needs several machines",
}
ORDER = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
BLOCKS = [
    block
    for name, text in sorted(pages().items(), key=lambda page: ORDER.find(page[0].removeprefix("docs/")))
    if name not in NOT_RUN
    for block in blocks(name, text)
    if not block.why and block.language in ("bash", "python", "js")
]
SERVED = {"text_classification": "bert", "image_classification": "vit"}
FILES = {"cat.jpg": "scene.jpg"}
"""Files that the pages name, and those of tests/data that stand for them."""
KEY = "the-key"


class Guide:
    """A copy of the tree with a server for it."""

    def __init__(self, tree: Path, server: EmbeddedServer) -> None:
        self.tree = tree
        self.ports = {8000: server.http_port, 8001: server.grpc_port, 8002: server.metrics_port}

    def run(self, block: Block) -> str:
        code = block.code
        for shown, port in self.ports.items():
            code = code.replace(f"localhost:{shown}", f"localhost:{port}")
        suffix, program = {"bash": ("sh", "bash"), "python": ("py", ".venv/bin/python"), "js": ("mjs", "node")}[
            block.language
        ]
        file = self.tree / f"block.{suffix}"
        file.write_text(code)
        command = [program, *(["-eo", "pipefail"] if program == "bash" else []), str(file)]
        environment = {**os.environ, "PYTHONPATH": str(self.tree), administration.VARIABLE: KEY}
        done = subprocess.run(command, cwd=self.tree, env=environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def guide(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guide]:
    tree = copy_tree(tmp_path_factory.mktemp("guides") / "tree", "--cached", "--others", "--exclude-standard")
    shutil.copytree(checkpoints / "text_classification_bert", tree / "my-model")
    for name, source in FILES.items():
        shutil.copy2(ROOT / "tests/data" / source, tree / name)
    repository = tree / "model_repository"
    for task, architecture in SERVED.items():
        install(task, checkpoint=str(checkpoints / f"{task}_{architecture}"), repository=repository)
    # As scripts/serve.py starts it: without the key, nobody loads a model.
    restricted = administration.options(KEY)
    with EmbeddedServer(repository, list(SERVED), stop_timeout=0.5, options=restricted) as server:
        yield Guide(tree, server)


@pytest.mark.parametrize("block", [pytest.param(block, id=f"{block.page}:{block.line}") for block in BLOCKS])
def test_block_runs(guide: Guide, block: Block) -> None:
    if block.language == "js" and shutil.which("node") is None:
        pytest.skip("node is not installed")
    printed = guide.run(block)
    refused = '"top_k": 0' in block.code
    assert ('"error"' in printed) == refused, printed
    silent = "--output" in block.code or "/load" in block.code
    if "print" in block.code or ("curl" in block.code and not silent):
        assert printed.strip()


def test_most_blocks_of_the_guides_are_run() -> None:
    assert len(BLOCKS) >= 18
    assert NOT_RUN.keys() <= pages().keys()
