"""The examples of docs/pipeline_calls.md: read from the page, and run, there and here.

    .oracle/bin/python -m tests.serving.pipeline_docs

records what transformers 4.48.1 answers to the lines that the page has from its documentation, with made checkpoints in
the place of those of the Hub and files of tests/data in the place of those of the net, which a web server on this
machine hands out. Needs the made checkpoints, ffmpeg and Tesseract.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib
import importlib.machinery
import io
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.cases import Case
from tests.cases.sounds import SAMPLES
from tests.clients.web import Web
from tests.parity import golden

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data"
PAGE = ROOT / "docs/pipeline_calls.md"
GOLDENS = "pipeline_docs"
CHECKPOINTS = {
    "text_classification": ("distilbert", "bert"),
    "token_classification": ("roberta", "bert"),
    "question_answering": ("roberta",),
    "table_question_answering": ("wtq",),
    "fill_mask": ("bert",),
    "feature_extraction": ("bert",),
    "zero_shot_classification": ("bart",),
    "summarization": ("bart", "t5"),
    "translation": ("t5",),
    "text2text_generation": ("t5", "bart"),
    "text_generation": ("gpt2", "llama"),
    "image_classification": ("vit",),
    "image_feature_extraction": ("vit",),
    "object_detection": ("detr",),
    "image_segmentation": ("segformer",),
    "depth_estimation": ("depth_anything",),
    "image_to_image": ("swin2sr",),
    "mask_generation": ("sam",),
    "video_classification": ("timesformer",),
    "zero_shot_image_classification": ("siglip",),
    "zero_shot_object_detection": ("owlvit",),
    "visual_question_answering": ("vilt",),
    "document_question_answering": ("layoutlm",),
    "image_to_text": ("vit_gpt2", "blip"),
    "image_text_to_text": ("llava",),
    "audio_classification": ("wav2vec2",),
    "automatic_speech_recognition": ("whisper", "wav2vec2"),
    "text_to_audio": ("bark", "musicgen"),
    "zero_shot_audio_classification": ("unfused",),
}
"""By task, the made checkpoints of the pipelines that its examples make, one after the other."""

DEFAULTS: dict[str, dict[str, Any]] = {"text_generation_gpt2": {"do_sample": True}}
"""What the configuration of the Hub's checkpoint says, and that of the made one does not."""

DRAWN = {"text_generation": (1,), "text_to_audio": (1,)}
"""By task, the positions of results that are drawn: of these the form alone can be the same."""

FILES = {".flac": "speech.flac", ".avi": "short.mp4", "invoice.png": "document.png", ".png": "scene.png"}
FILES |= {".jpg": "scene.jpg", ".jpeg": "scene.jpg"}
"""By the end of a URL, the file that is handed out for it."""

MOVED = {"model", "task", "tokenizer", "framework", "device"}
"""Arguments of pipeline() that the server has settled."""


def sections() -> dict[str, tuple[str, str]]:
    """By task, with underscores: the examples as transformers has them, and as they are here."""
    found = re.findall(r"^## ([\w-]+)\n\n```diff\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return {task.replace("-", "_"): (_side(lines, "-"), _side(lines, "+")) for task, lines in found}


def _side(lines: str, sign: str) -> str:
    return "".join(f"{line[2:]}\n" for line in lines.splitlines() if line[:1] in (sign, " ", ""))


def changed(left: str, right: str) -> list[tuple[ast.stmt, ast.stmt]]:
    """The statements that differ, in pairs."""
    pairs = zip(ast.parse(left).body, ast.parse(right).body, strict=True)
    return [(one, other) for one, other in pairs if ast.dump(one) != ast.dump(other)]


def run(task: str, code: str, make: Callable[..., Any], web: Web) -> list[Any]:
    """What the pipelines of a section return, call by call, and the values that stand on lines of their own.

    make: is given the name of a checkpoint and what the example gives to pipeline(), less what is MOVED.
    """
    results: list[Any] = []
    checkpoints = iter(CHECKPOINTS[task])

    def pipeline(first: str | None = None, **arguments: Any) -> Callable[..., Any]:
        name = first or arguments.get("task") or task.replace("_", "-")
        checkpoint = f"{task}_{next(checkpoints)}"
        kept = {key: value for key, value in arguments.items() if key not in MOVED}
        made = make(name, checkpoint, **DEFAULTS.get(checkpoint, {}), **kept)

        def call(*inputs: Any, **parameters: Any) -> Any:
            result = made(*inputs, **parameters)
            result = list(result) if hasattr(result, "__next__") else result
            results.append(result)
            return result

        return call

    space: dict[str, Any] = {"pipeline": pipeline}
    code = re.sub(r'https?://[^"]+/', f"{web.url}/", code)
    with _datasets(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for statement in ast.parse(code).body:
            before = len(results)
            if isinstance(statement, ast.Expr):
                value = eval(compile(ast.Expression(statement.value), task, "eval"), space)
                results += [value] if len(results) == before else []
            else:
                exec(compile(ast.Module([statement], []), task, "exec"), space)
    drawn = DRAWN.get(task, ())
    plain = [_plain(result, web.url) for result in results]
    return [_form(each) if at in drawn else each for at, each in enumerate(plain)]


def _plain(value: Any, url: str) -> Any:
    """A value without what differs between libraries and runs: tensors, types, the address of the web server."""
    if isinstance(value, str):
        return value.replace(url, "$WEB")
    if isinstance(value, type):
        return value.__name__
    if hasattr(value, "detach"):
        return value.detach().numpy()
    if isinstance(value, Mapping):
        return {key: _plain(each, url) for key, each in value.items()}
    if isinstance(value, tuple):  # torch.Size is one, too
        return tuple(_plain(each, url) for each in value)
    return [_plain(each, url) for each in value] if isinstance(value, list) else value


def _form(value: Any) -> Any:
    """What stays the same of what is drawn."""
    if isinstance(value, dict):
        return {key: _form(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_form(each) for each in value]
    return f"{value.dtype}, {value.ndim} dimensions" if isinstance(value, np.ndarray) else type(value).__name__


@contextlib.contextmanager
def _datasets() -> Iterator[None]:
    """A library of datasets that has those of the examples."""
    module = types.ModuleType("datasets")
    module.__spec__ = importlib.machinery.ModuleSpec("datasets", None)
    module.load_dataset = _load_dataset  # type: ignore[attr-defined]
    known = sys.modules.get("datasets")
    sys.modules["datasets"] = module
    try:
        yield
    finally:
        del sys.modules["datasets"]
        if known is not None:
            sys.modules["datasets"] = known


def _load_dataset(path: str, **_: Any) -> Any:
    if path == "superb":
        return [{"file": str(DATA / name)} for name in ("speech.wav", "short.wav")]
    if path == "detection-datasets/coco":
        return [{"image": Image.open(DATA / name)} for name in ("scene.png", "scene.jpg")]
    return {"train": {"audio": [{"array": SAMPLES.load()}]}}


@contextlib.contextmanager
def files() -> Iterator[Web]:
    """A web server that has a file for each URL of the page."""
    names = {url.rsplit("/", 1)[1] for url in re.findall(r'"(https?://[^"]+)"', PAGE.read_text(encoding="utf-8"))}
    ends = {name: next(end for end in FILES if name.endswith(end)) for name in names}
    with Web({f"/{name}": (DATA / FILES[end]).read_bytes() for name, end in ends.items()}) as web:
        yield web


def documented(folder: Path) -> Iterator[str]:
    """The statements of the examples in the docstrings of a folder's modules, as ast.dump() has them."""
    for file in folder.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        blocks = re.findall(r"```(?:python|py)\n(.*?)```", text, re.S)
        examples = [example.source for example in doctest.DocTestParser().get_examples(text)]
        for code in [*examples, *(block for block in blocks if ">>>" not in block)]:
            with contextlib.suppress(SyntaxError):
                yield from map(ast.dump, ast.parse(textwrap.dedent(code)).body)


def main() -> None:
    import torch
    import transformers

    def make(task: str, checkpoint: str, **arguments: Any) -> Any:
        name = max((name for name in CHECKPOINTS if checkpoint.startswith(name)), key=len)
        make_pipeline: Any = transformers.pipeline
        made = make_pipeline(task, model=str(ROOT / ".checkpoints" / checkpoint), **arguments)
        module = importlib.import_module(f"tests.cases.{name}")
        getattr(module, "mend", lambda *_: None)(made, Case("", checkpoint))
        return made

    transformers.logging.set_verbosity_error()
    assert transformers.__version__ == "4.48.1", f"this is transformers {transformers.__version__}: use .oracle"
    known = set(documented(Path(transformers.__file__).parent / "pipelines"))
    answers: dict[str, Any] = {}
    with files() as web:
        for task, (left, _) in sections().items():
            for statement in ast.parse(left).body:
                if ast.dump(statement) not in known:
                    print(f"{task}: not in a docstring: {ast.unparse(statement)}")
            torch.manual_seed(0)
            answers[task] = run(task, left, make, web)
            print(task, len(answers[task]))
    digests = {
        f"{task}_{name}": golden.digest(ROOT / ".checkpoints" / f"{task}_{name}")
        for task, names in CHECKPOINTS.items()
        for name in names
    }
    file = golden.write(GOLDENS, {"oracle": transformers.__version__, "checkpoints": digests, "answers": answers})
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
