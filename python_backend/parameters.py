"""Request parameters: declared once per task, checked, defaulted, explained in errors.

    PARAMETERS = Parameters(
        Int("top_k", default=5, minimum=1, doc="How many labels to return, best first."),
    )
    PARAMETERS.parse({"top_k": 2})  # {"top_k": 2}

A Triton request parameter is a bool, an int, a float or a string. Python's None travels as the string "null".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NULL = "null"


class InvalidInput(ValueError):  # noqa: N818 (named like the client's exception)
    """The request cannot be served as it is; the message says what to change. Becomes Triton's INVALID_ARG."""


@dataclass(frozen=True)
class Parameter:
    """One request parameter. A default of None makes it nullable; `nullable` says so for other defaults."""

    name: str
    default: Any = None
    doc: str = ""
    nullable: bool = field(default=False, kw_only=True)

    def check(self, value: Any) -> Any:
        """The value as the task gets it; ValueError when it is none of what `expects` says."""
        if value == NULL and (self.nullable or self.default is None):
            return None
        return self.convert(value)

    def convert(self, value: Any) -> Any:
        raise NotImplementedError

    @property
    def expects(self) -> str:
        """What a value must be, for errors and docs: "an integer of at least 1, or null"."""
        return self.kind + (f', or "{NULL}"' if self.nullable or self.default is None else "")

    @property
    def kind(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Bool(Parameter):
    def convert(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise ValueError

    @property
    def kind(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Number(Parameter):
    minimum: float = field(default=-math.inf, kw_only=True)
    maximum: float = field(default=math.inf, kw_only=True)
    noun = "a number"

    def within(self, value: float) -> bool:
        return self.minimum <= value <= self.maximum

    @property
    def kind(self) -> str:
        if self.minimum > -math.inf and self.maximum < math.inf:
            return f"{self.noun} from {self.minimum} to {self.maximum}"
        if self.minimum > -math.inf:
            return f"{self.noun} of at least {self.minimum}"
        if self.maximum < math.inf:
            return f"{self.noun} of at most {self.maximum}"
        return self.noun


@dataclass(frozen=True)
class Int(Number):
    noun = "an integer"

    def convert(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():  # JSON clients that know one number type
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not self.within(value):
            raise ValueError
        return value


@dataclass(frozen=True)
class Float(Number):
    def convert(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.within(value):
            raise ValueError
        if not math.isfinite(value):
            raise ValueError
        return float(value)


@dataclass(frozen=True)
class Text(Parameter):
    def convert(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        raise ValueError

    @property
    def kind(self) -> str:
        return "a string"


@dataclass(frozen=True)
class Choice(Parameter):
    """One of a few strings; a boolean stands for "true" or "false" where these are among them."""

    choices: tuple[str, ...] = field(default=(), kw_only=True)

    def convert(self, value: Any) -> str:
        if isinstance(value, bool):
            value = str(value).lower()
        if isinstance(value, str) and value in self.choices:
            return value
        raise ValueError

    @property
    def kind(self) -> str:
        return "one of " + ", ".join(f'"{choice}"' for choice in self.choices)


class Parameters:
    """The parameters of a task, in order."""

    def __init__(self, *parameters: Parameter) -> None:
        self._by_name = {parameter.name: parameter for parameter in parameters}
        self._defaults = {parameter.name: parameter.default for parameter in parameters}

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._by_name.values())

    def parse(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every declared parameter with its value: the given one, checked, or the default.

        Raises InvalidInput for an unknown name or a value that is not what the parameter expects.
        """
        values = dict(self._defaults)
        for name, value in given.items():
            parameter = self._by_name.get(name)
            if parameter is None:
                raise InvalidInput(f'Unknown parameter "{name}". Valid parameters: {self.names()}.')
            try:
                values[name] = parameter.check(value)
            except ValueError:
                raise InvalidInput(f'Parameter "{name}" must be {parameter.expects}; got {shorten(value)}.') from None
        return values

    def names(self) -> str:
        return ", ".join(self._by_name) or "none (this task takes no parameters)"


def shorten(value: Any, length: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= length else text[: length - 3] + "..."
