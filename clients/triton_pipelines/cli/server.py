"""What a server serves, written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console

from . import pretty


def write(rows: Sequence[dict[str, Any]]) -> None:
    """A table to a terminal, lines of JSON elsewhere."""
    console = Console()
    if console.is_terminal and rows:
        console.print(pretty.render(rows, console.width))
        return
    for row in rows:
        click.echo(json.dumps(row))
