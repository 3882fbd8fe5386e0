"""Ask each deployment one question with the client, and print the answers: a first look at what is served.

    python scripts/ask.py text-classification reviews:text-classification --url localhost:8001

The exit code is 1 when one gives no answer.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import probe
from repository import task_argument
from triton_pipelines import InvalidInput, TritonPipelinesError, pipeline

SAY = "Paris is a city on the Seine."
LABELS = ["city", "river"]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deployments", nargs="+", type=deployment, metavar="[NAME:]TASK")
    parser.add_argument("--url", default="localhost:8001", help="host:port is gRPC, http://host:port is HTTP")
    options = parser.parse_args(arguments)
    silent = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, task in options.deployments:
            try:
                answer = shorten(ask(task, name or task.replace("-", "_"), options.url, Path(folder)))
                print(f"{name or task}: {answer}", flush=True)
            except InvalidInput as error:  # a live model's word: it wants more than this question has
                print(f"{name or task} refuses the question: {error}", flush=True)
            except TritonPipelinesError as error:
                silent += 1
                print(f"{name or task} does not answer: {error}", file=sys.stderr, flush=True)
    return 1 if silent else 0


def deployment(text: str) -> tuple[str, str]:
    """Name, empty where none is given, and task."""
    name, _, task = text.rpartition(":")
    return name, task_argument(task).replace("_", "-")


def ask(task: str, name: str, url: str, folder: Path) -> Any:
    """The answer of one deployment to the question that fits its task."""
    inputs, options = question(task, folder)
    with pipeline(task, name, url) as run:
        try:
            return run(*inputs, **options)
        except TritonPipelinesError as error:
            languages = probe.LANGUAGES.search(str(error))
            if not languages:
                raise
            return run(*inputs, **options, src_lang=languages[1], tgt_lang=languages[1])


def question(task: str, folder: Path) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of a task's pipeline; files for it are written into the folder."""
    image, sound, video = folder / "image.png", folder / "sound.wav", folder / "video.mp4"
    for file, tensor in ((image, "IMAGE"), (sound, "AUDIO"), (video, "VIDEO")):
        if not file.exists():
            file.write_bytes(probe.SAMPLES[tensor]()[0])
    labels = {"candidate_labels": LABELS} if task.startswith("zero-shot") else {}
    if task == "fill-mask":
        return ("Paris is a [MASK] <mask>.",), {}  # whichever mask the model has
    if task == "question-answering":
        return (), {"question": "What is Paris?", "context": SAY}
    if task == "table-question-answering":
        return (), {"table": {"city": ["Paris"]}, "query": "Which city?"}
    if task in ("visual-question-answering", "document-question-answering"):
        return (), {"image": str(image), "question": "What is it?"}
    if task == "image-text-to-text":
        return (), {"images": str(image), "text": "What is it?", "max_new_tokens": 5}
    if task == "video-classification":
        return (str(video),), {}
    if "audio-classification" in task or task == "automatic-speech-recognition":
        return (str(sound),), labels
    if any(word in task for word in ("image", "object", "depth", "mask-generation")):
        return (str(image),), labels
    if task in ("text-generation", "summarization", "text2text-generation") or task.startswith("translation"):
        return (SAY,), {"max_new_tokens": 5}
    return (SAY,), labels


def shorten(answer: Any, most: int = 160) -> str:
    text = " ".join(str(answer).split())
    return text if len(text) <= most else f"{text[:most]} ..."


if __name__ == "__main__":
    sys.exit(main())
