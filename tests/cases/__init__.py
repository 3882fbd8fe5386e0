"""What the served tasks are asked, and the pipelines of transformers 4.48.1 before them.

One module a task with a list `CASES`. Where the oracle itself needs help to give the answer that it should, the module
has a function `mend(pipeline, case)`: it may change the pipeline, and returns keyword arguments to add to the call.
A function `init(case)` gives keyword arguments that the oracle's constructor needs, and the served task does not.
"""

import importlib
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
REFUSED_TOO = "the oracle refuses it too"
"""The note of a case whose golden is an error."""


class Absent:
    """Stands for an argument or an answer that is not given."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True)
class Case:
    """One call of a pipeline.

    `inputs` is the first argument of the call (none: a task whose inputs have names), `parameters` are its keyword
    arguments and `init` those of the constructor.

    What the served task has to answer is what the oracle answers, unless `expected` holds another answer (or a function
    that makes it of the oracle's), or `refused` holds a pattern of the message with which it refuses. `note` says why
    then, and whatever else a reader would stumble over. `needs` names a program that the server needs for it.
    """

    id: str
    checkpoint: str
    inputs: Any = ABSENT
    parameters: dict[str, Any] = field(default_factory=dict)
    init: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    expected: Any = ABSENT
    refused: str = ""
    needs: str = ""

    def __post_init__(self) -> None:
        if (self.refused or self.expected is not ABSENT) and not self.note:
            raise ValueError(f"case {self.id}: say in `note` why the answer is not the oracle's")

    def call(self, pipeline: Any, **more: Any) -> Any:
        """Ask `pipeline`; an answer that comes bit by bit is given as a list."""
        positional = [] if self.inputs is ABSENT else [resolve(self.inputs)]
        answer = pipeline(*positional, **resolve(self.parameters), **more)
        return list(answer) if isinstance(answer, Iterator) else answer


@dataclass(frozen=True)
class File:
    """The path of a file of the repository, as text."""

    path: str

    def load(self) -> str:
        return str(ROOT / self.path)


@dataclass(frozen=True)
class Bytes:
    """The content of a file of the repository."""

    path: str

    def load(self) -> bytes:
        return (ROOT / self.path).read_bytes()


@dataclass(frozen=True)
class Picture:
    """A picture of the repository, opened by PIL."""

    path: str

    def load(self) -> Any:
        from PIL import Image

        return Image.open(ROOT / self.path)


@dataclass(frozen=True)
class Samples:
    """The first `seconds` (None: all) of a mono 16-bit WAV file of the repository: float32 [samples] in [-1, 1]."""

    path: str
    seconds: float | None = None

    def load(self) -> np.ndarray:
        with wave.open(str(ROOT / self.path)) as file:
            frames = file.getnframes() if self.seconds is None else int(self.seconds * file.getframerate())
            return np.frombuffer(file.readframes(frames), np.int16).astype(np.float32) / 32768


@dataclass(frozen=True)
class Generator:
    """The items one after the other, from a generator."""

    items: tuple[Any, ...]

    def load(self) -> Iterator[Any]:
        return (resolve(item) for item in self.items)


def resolve(value: Any) -> Any:
    """`value` with every File, Bytes, Picture, Samples and Generator in it loaded."""
    if isinstance(value, File | Bytes | Picture | Samples | Generator):
        return value.load()
    if isinstance(value, dict):
        return {key: resolve(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(resolve(item) for item in value)
    return value


def tasks() -> list[str]:
    """The tasks that have cases, with underscores."""
    shared = ("pictures", "sounds", "texts")
    return sorted(file.stem for file in Path(__file__).parent.glob("[a-z]*.py") if file.stem not in shared)


def load(task: str) -> list[Case]:
    """The cases of a task; ids are unique."""
    cases: list[Case] = importlib.import_module(f"tests.cases.{task}").CASES
    ids = [case.id for case in cases]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"tests/cases/{task}.py has more than one case called {', '.join(twice)}")
    return cases
