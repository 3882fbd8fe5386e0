"""Pipelines from a shell.

\b
triton-pipelines text-classification "I love it" "I hate it" -p top_k=2
triton-pipelines zero-shot-classification "A broken screen" -p candidate_labels=hardware,software
triton-pipelines question-answering --json '{"question": "Where?", "context": "Ada is in London."}'
triton-pipelines image-segmentation 'holiday/*.jpg' --output masks
triton-pipelines text-classification --input reviews.csv --column text > results.jsonl
triton-pipelines chat

A word that is no command is a task: `triton-pipelines ner TEXT` is `triton-pipelines run ner TEXT`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import click
from rich.console import Console

from .. import deployments, terminal
from ..errors import TritonPipelinesError
from ..factory import pipeline
from . import inputs, server
from .outputs import Files, Lines, Tables
from .parameters import HEADER, PARAMETER

F = TypeVar("F", bound=Callable[..., Any])
Pairs = tuple[tuple[str, Any], ...]


class Commands(click.Group):
    """Commands, or else a task."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        if arguments and arguments[0] not in (*self.commands, *context.help_option_names, "--version"):
            arguments = ["run", *arguments]
        return super().parse_args(context, arguments)


def _headers(function: F) -> F:
    return click.option(
        "-H", "headers", type=HEADER, multiple=True, help="sent with every request, such as authorization='Bearer x'"
    )(function)


def _server(function: F) -> F:
    url = click.option(
        "--url", default="localhost:8001", show_default=True, help="host:port is gRPC, http://host:port is HTTP"
    )
    return url(_headers(function))


def _pipeline(function: F) -> F:
    """The options that choose a deployment, and its parameters."""
    parameters = click.option(
        "-p", "parameters", type=PARAMETER, multiple=True, help="of the task, such as top_k=2; may be repeated"
    )
    return _server(
        click.option("--model", help="the deployment's name, where it is not the task's")(parameters(function))
    )


@click.group(cls=Commands, help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="triton-pipelines")
def cli() -> None:
    pass


@cli.command()
@click.argument("task")
@click.argument("items", nargs=-1, metavar="INPUT...")
@click.option("--json", "as_json", is_flag=True, help="each INPUT, or line of stdin, is JSON: a dict, a chat")
@click.option("-i", "--input", "files", multiple=True, metavar="FILE", help=inputs.FILES)
@click.option("--column", "columns", multiple=True, metavar="NAME", help="of a CSV file; several make a dict")
@click.option("-o", "--output", metavar="FOLDER", help="for pictures (PNG), audio (WAV) and arrays (NPY) among results")
@click.option("--keep-going", is_flag=True, help="an input that fails gives an error in the place of its result")
@_pipeline
def run(
    task: str,
    items: tuple[str, ...],
    as_json: bool,
    files: tuple[str, ...],
    columns: tuple[str, ...],
    output: str | None,
    keep_going: bool,
    url: str,
    headers: Pairs,
    model: str | None,
    parameters: Pairs,
) -> int:
    """Run TASK on each INPUT: a text, a path, a URL, a pattern such as '*.jpg', or - for the lines of stdin.

    Writes a line of JSON for each result, and tables and pictures to a terminal.
    """
    if not items and not files:
        raise click.UsageError("give an INPUT, or --input FILE")
    console = Console()
    write = Tables(console) if console.is_terminal and not output else Lines(Files(output) if output else None)
    failed = False
    with pipeline(task, model, url, headers=dict(headers), **dict(parameters)) as called:
        wanted = inputs.read(called.task, items, as_json, files, columns)
        progress = sys.stderr.isatty() and not console.is_terminal
        options = {"progress": True} if progress else {}
        for result in called(wanted, on_error="return" if keep_going else "raise", **options):
            failed |= isinstance(result, TritonPipelinesError)
            write(result)
    return int(failed)


@cli.command()
@click.argument("task", required=False, type=click.Choice(terminal.TASKS))
@click.option("--image", "images", multiple=True, metavar="PATH", help="for the first message; may be repeated")
@click.option("--system", metavar="TEXT", help="the first message, of the role system")
@_pipeline
def chat(
    task: str | None,
    images: tuple[str, ...],
    system: str | None,
    url: str,
    headers: Pairs,
    model: str | None,
    parameters: Pairs,
) -> None:
    """Talk with a model that generates text, streamed.

    \b
    /image PATH    adds an image to the next message
    /reset         begins anew
    /exit          ends, as does the end of the input

    TASK is that of --model, or else image-text-to-text where there is an --image, and text-generation where not.
    """
    task = task or (None if model else terminal.TASKS[1 if images else 0])
    with suppress(ImportError):
        import readline  # noqa: F401 (lets input() edit and remember lines)
    with pipeline(task, model, url, headers=dict(headers), **dict(parameters)) as called:
        talk = terminal.Chat(called, system)
        for image in images:
            talk.add_image(image)
        terminal.talk(talk, input, lambda text: print(text, end="", flush=True))


@cli.command("list")
@_server
def list_(url: str, headers: Pairs) -> None:
    """List what the server serves: each deployment, its task, and whether it is ready."""
    server.write([vars(each) for each in deployments.deployments(url, dict(headers))])


@cli.command()
@click.option("--model", help="of this deployment alone")
@_server
def health(url: str, headers: Pairs, model: str | None) -> int:
    """Tell whether the server is ready with all that it serves; the exit code is 0 then, and 1 where not."""
    ready = deployments.is_ready(url, dict(headers), model)
    click.echo(f"{model or url}: {'ready' if ready else 'not ready'}")
    return 0 if ready else 1


@cli.command()
@click.argument("url", default="localhost:8001")
@click.option("--host", default="127.0.0.1", show_default=True, help="address of the page; this machine alone sees it")
@click.option("--port", default=7860, show_default=True, help="of the page")
@_headers
def web(url: str, headers: Pairs, host: str, port: int) -> None:
    """Serve a page to try what the server at URL serves, in a browser.

    Whoever can open the page can ask the server, with the headers that are given here.
    """
    try:
        from ..web.app import serve
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{error.name} is missing: pip install 'triton-pipelines[web]'") from error
    serve(url, dict(headers), host, port)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, 1 after an error, or 2 for a wrong use, as SystemExit."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return int(cli(given, prog_name="triton-pipelines", standalone_mode=False) or 0)
    except TritonPipelinesError as error:
        click.echo(f"error: {error}", err=True)
        return 1
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (click.Abort, KeyboardInterrupt, BrokenPipeError):
        return 1
