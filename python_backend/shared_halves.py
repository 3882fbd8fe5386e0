"""Encoder-decoder models whose halves share their weights (`tie_encoder_decoder`). A checkpoint in safetensors holds
those of one half; transformers 5, which no longer knows of it, leaves the other half with random ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def are_in(config: Mapping[str, Any]) -> bool:
    """Whether the checkpoint with this config.json has such a model."""
    return config.get("model_type") == "encoder-decoder" and bool(config.get("tie_encoder_decoder"))


def join(model: Any, missing: Collection[str]) -> None:
    """Give each parameter of one half that the checkpoint lacks the weights of the other half's of that name.

    Args:
        missing: names of parameters.
    """
    encoder, decoder = "encoder.", f"decoder.{model.decoder.base_model_prefix}."
    parameters = dict(model.named_parameters())
    for name in missing:
        half, other = (encoder, decoder) if name.startswith(encoder) else (decoder, encoder)
        twin = other + name.removeprefix(half)
        if name in parameters and twin in parameters:
            parameters[name].data = parameters[twin].data
