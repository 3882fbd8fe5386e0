"""Results as lines of JSON, as files, or as tables and pictures in a terminal."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image
from rich.console import Console

from .. import images
from ..errors import TritonPipelinesError
from ..sounds import is_audio, save_wav
from . import pretty


class Files:
    """Writes pictures, audio and arrays into a folder, named after their item and their place in its result."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def replace(self, value: Any, name: str) -> Any:
        """The result, with the paths of files in the place of what is written."""
        if isinstance(value, Image.Image):
            return self._write(name, ".png", lambda path: path.write_bytes(images.png(value)))
        if is_audio(value):
            return self._write(name, ".wav", lambda path: save_wav(value, path))
        if isinstance(value, np.ndarray) and value.ndim:
            return self._write(name, ".npy", lambda path: np.save(path, value))
        if isinstance(value, Mapping):
            return {key: self.replace(each, f"{name}-{key}") for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.replace(each, f"{name}-{position}") for position, each in enumerate(value)]
        return value

    def _write(self, name: str, suffix: str, write: Any) -> str:
        path = self.folder / f"{name}{suffix}"
        write(path)
        return str(path)


class Lines:
    """A line of JSON each. Pictures are PNG in base64 and arrays lists, unless there is a folder for them."""

    def __init__(self, files: Files | None) -> None:
        self.files = files
        self.count = 0

    def __call__(self, result: Any) -> None:
        if self.files is not None:
            result = self.files.replace(result, f"{self.count:05}")
        self.count += 1
        click.echo(json.dumps(result, ensure_ascii=False, default=plain))


class Tables:
    """For a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __call__(self, result: Any) -> None:
        self.console.print(pretty.render(result, self.console.width))


def plain(value: Any) -> Any:
    """What JSON has no form for: pictures, arrays, errors."""
    if isinstance(value, Image.Image):
        return base64.b64encode(images.png(value)).decode()
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, TritonPipelinesError):
        return {"error": value.message, "status": value.status, "item": value.item}
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
