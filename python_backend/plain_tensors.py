"""Tensors that a module holds beside its parameters and buffers: from_pretrained leaves them without values, and `to`
leaves them where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def fill(model: PreTrainedModel) -> None:
    """Make the positions of large TrOCRs, waves that are no part of the checkpoint, on the model's device."""
    for module in model.modules():
        if type(module).__name__ == "TrOCRSinusoidalPositionalEmbedding":
            waves: Any = module
            made = waves.get_embedding(*waves.weights.shape, waves.padding_idx)
            waves.weights = made.to(model.device, model.dtype)
