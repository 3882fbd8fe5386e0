"""Tokenizer arguments that pipelines take as a dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput

_PADS_NOTHING = (None, True, False, "longest", "do_not_pad")  # each item is padded for itself: to its own length


def tokenizer_parameters(arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """Tokenizer arguments as request parameters: those that change nothing in a pipeline's result left out."""
    arguments = dict(arguments or {})
    padding = arguments.pop("padding", None)
    if padding not in _PADS_NOTHING:
        raise InvalidInput(f"padding={padding!r} is not supported: the server pads as it batches and strips it again")
    arguments.pop("return_tensors", None)
    return arguments
