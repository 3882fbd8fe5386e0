"""Llama 3.2 Vision: the layers whose states its vision model hands on give what went into them, as in 4.48;
transformers 5 takes what came out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def give_what_goes_in(model: PreTrainedModel) -> None:
    for module in model.modules():
        if type(module).__name__ == "MllamaVisionModel":
            vision: Any = module
            vision.intermediate_layers_indices = [index - 1 for index in vision.config.intermediate_layers_indices]
