"""Generation arguments: any scalar field of a GenerationConfig is a request parameter of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import Row, refuse, text_list, text_tensor

_ON_THE_SERVER = "it is Python on the server's side; give the fields of a generation config as arguments"


def generation_parameters(generate_kwargs: Mapping[str, Any] | None, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Both joined; what names objects rather than values is refused."""
    parameters = {**(generate_kwargs or {}), **arguments}
    for name in ("generation_config", "streamer", "stopping_criteria", "logits_processor", "assistant_model"):
        refuse(**{name: (parameters.pop(name, None), _ON_THE_SERVER)})
    return parameters


def stop_tensor(stop_strings: Any) -> Row:
    """STOP [n]: what ends a text; nothing where there is none."""
    stops = text_list(stop_strings or [], "stop_strings")
    return {"STOP": text_tensor(stops, "a stop string")} if stops else {}
