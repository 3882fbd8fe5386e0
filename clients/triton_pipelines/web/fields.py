"""What a tab asks of its user, and how that becomes an argument of the pipeline's call.

components.py says what each kind looks like.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput


class Absent:
    """Stands for an argument that is not given: the pipeline, or the checkpoint, has its own."""


ABSENT = Absent()


@dataclass(frozen=True, kw_only=True)
class Field:
    """One input. `name` is the call's keyword argument; `value` is what stands there at first."""

    name: str
    label: str = ""
    info: str = ""
    value: Any = None
    required: bool = False

    @property
    def title(self) -> str:
        return self.label or self.name

    def argument(self, given: Any) -> Any:
        """The argument of the call, or ABSENT where the field was left empty."""
        if given is None or given == "":
            if self.required:
                raise InvalidInput(f"{self.title} is empty: {self.remedy}")
            return ABSENT
        return self.parse(given)

    def parse(self, given: Any) -> Any:
        return given

    @property
    def remedy(self) -> str:
        return "write something"


class _File(Field):
    @property
    def remedy(self) -> str:
        return "choose a file"


class Picture(_File):
    """The path of an image file."""


class Sound(_File):
    """The path of an audio file, or of what was recorded."""


class Video(_File):
    """The path of a video file."""


@dataclass(frozen=True, kw_only=True)
class Text(Field):
    lines: int = 1


@dataclass(frozen=True, kw_only=True)
class Listed(Text):
    """Texts with `between` between them; where `bare`, one of them is no list."""

    between: str = ","
    bare: bool = False

    def parse(self, given: str) -> Any:
        texts = [text.strip() for text in given.split(self.between) if text.strip()]
        if not texts:
            return super().argument("")
        return texts[0] if self.bare and len(texts) == 1 else texts


class Table(Field):
    """A frame of pandas, which the client takes as it is."""

    def argument(self, given: Any) -> Any:
        if not any(str(cell).strip() for cell in given.to_numpy().ravel()):
            raise InvalidInput(f"{self.title} is empty: fill in cells, or paste some")
        return given


@dataclass(frozen=True, kw_only=True)
class Number(Field):
    whole: bool = False
    least: float | None = None

    def parse(self, given: Any) -> float:
        """A text, so that an empty box is no 0."""
        try:
            number = int(given) if self.whole else float(given)
        except ValueError:
            raise InvalidInput(f"{self.title}: write a {'whole ' if self.whole else ''}number, or nothing") from None
        if self.least is not None and number < self.least:
            raise InvalidInput(f"{self.title}: write {self.least:g} or more, or nothing")
        return number


@dataclass(frozen=True, kw_only=True)
class Share(Field):
    """A number from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Choice(Field):
    """One of the choices, or none of them."""

    choices: tuple[Any, ...] = ()


class Flag(Field):
    """True, or else left to the pipeline, whose default is False."""

    def argument(self, given: Any) -> Any:
        return True if given else ABSENT


class More(Field):
    """Any other keyword arguments, as JSON."""

    def argument(self, given: Any) -> Any:
        if not (given or "").strip():
            return {}
        try:
            arguments = json.loads(given)
        except ValueError as error:
            raise InvalidInput(f"{self.title}: this is not JSON: {error}") from error
        if not isinstance(arguments, dict):
            raise InvalidInput(f'{self.title}: write an object, such as {{"top_k": 2}}')
        return arguments
