"""Options of the form NAME=VALUE."""

from __future__ import annotations

import json
from typing import Any

import click


class Header(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """NAME=VALUE as a pair of strings."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, Any]:
        name, equals, text = str(value).partition("=")
        if not (name and equals):
            self.fail(f"{value!r} is not NAME=VALUE")
        return name, text

    def get_metavar(self, *_: Any, **__: Any) -> str:
        return self.name


class Parameter(Header):
    """NAME=VALUE as a pair; a value that is JSON (2, true, null) is taken as that, any other as a string."""

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, Any]:
        name, text = super().convert(value, param, context)
        try:
            return name, json.loads(text)
        except ValueError:
            return name, text


HEADER = Header()
PARAMETER = Parameter()
