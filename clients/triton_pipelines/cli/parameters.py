"""Options of the form NAME=VALUE."""

from __future__ import annotations

import json
from typing import Any

import click


class Parameter(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """NAME=VALUE as a pair; a value that is JSON (2, true, null) is taken as that, any other as a string."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, Any]:
        name, equals, text = str(value).partition("=")
        if not (name and equals):
            self.fail(f"{value!r} is not NAME=VALUE")
        try:
            return name, json.loads(text)
        except ValueError:
            return name, text

    def get_metavar(self, *_: Any, **__: Any) -> str:
        return self.name


PARAMETER = Parameter()
