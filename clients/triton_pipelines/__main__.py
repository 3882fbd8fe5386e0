"""Pipelines from a shell: one line of JSON a result.

    python -m triton_pipelines text-classification "I love it" "I hate it" -p top_k=2
    python -m triton_pipelines zero-shot-classification "A broken screen" -p candidate_labels=hardware,software
    python -m triton_pipelines question-answering --json '{"question": "Where?", "context": "Ada is in London."}'
    python -m triton_pipelines image-classification *.jpg --url http://localhost:8000
    python -m triton_pipelines chat                     # with a model that generates text; chat --help

A value that is JSON (2, true, null) is taken as that, any other as a string. Pictures among the results are written as
PNG in base64, arrays as lists.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from . import images, pipeline, terminal
from .errors import TritonPipelinesError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, or 1 after an error."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _chat(given[1:]) if given[:1] == ["chat"] else _run(given)
    except TritonPipelinesError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    with pipeline(options.task, options.model, options.url, **dict(options.parameters)) as run:
        for result in run(_inputs(options.inputs, options.json)):
            print(json.dumps(result, ensure_ascii=False, default=_plain), flush=True)
    return 0


def _chat(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m triton_pipelines chat",
        description=terminal.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", nargs="?", choices=terminal.TASKS, help="default: the model's, or text-generation")
    parser.add_argument("--image", action="append", default=[], metavar="PATH", help="for the first message")
    parser.add_argument("--system", metavar="TEXT", help="the first message, of the role system")
    _add_common(parser)
    options = parser.parse_args(arguments)
    task = options.task or (None if options.model else terminal.TASKS[1 if options.image else 0])
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 (lets input() edit and remember lines)
    with pipeline(task, options.model, options.url, **dict(options.parameters)) as run:
        chat = terminal.Chat(run, options.system)
        for image in options.image:
            chat.add_image(image)
        terminal.talk(chat, input, lambda text: print(text, end="", flush=True))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m triton_pipelines", description="Run a served pipeline.")
    parser.add_argument("task", help='such as "text-classification"')
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="a text, a path or a URL; -: the lines of stdin")
    parser.add_argument("--json", action="store_true", help="each INPUT is JSON: a dict, a chat")
    _add_common(parser)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default="localhost:8001", help="host:port is gRPC, http://host:port is HTTP")
    parser.add_argument("--model", help="the deployment's name, where it is not the task's")
    parser.add_argument(
        "-p",
        dest="parameters",
        action="append",
        default=[],
        type=_parameter,
        metavar="NAME=VALUE",
        help="a parameter of the task, such as top_k=2; may be repeated",
    )


def _parameter(text: str) -> tuple[str, Any]:
    """NAME=VALUE as a pair."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _plain(value: Any) -> Any:
    """What JSON has no form for: pictures and arrays."""
    if isinstance(value, Image.Image):
        return base64.b64encode(images.png(value)).decode()
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _inputs(given: Sequence[str], as_json: bool) -> Iterator[Any]:
    for each in given:
        lines = (line.rstrip("\n") for line in sys.stdin) if each == "-" else iter([each])
        yield from (json.loads(line) if as_json else line for line in lines)


if __name__ == "__main__":
    sys.exit(main())
