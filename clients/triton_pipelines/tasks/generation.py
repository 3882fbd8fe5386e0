"""Generation arguments: any scalar field of a GenerationConfig is a request parameter of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import refuse

_ON_THE_SERVER = "it is Python on the server's side; give the fields of a generation config as arguments"


def generation_parameters(generate_kwargs: Mapping[str, Any] | None, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Both joined; what names objects rather than values is refused."""
    parameters = {**(generate_kwargs or {}), **arguments}
    for name in ("generation_config", "streamer", "stopping_criteria", "logits_processor", "assistant_model"):
        refuse(**{name: (parameters.pop(name, None), _ON_THE_SERVER)})
    return parameters
