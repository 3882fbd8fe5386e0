"""Rotary positions that a long text changes for all who share a pass: from some length on, "dynamic" and "longrope"
scale them by the longest row there is.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def common_length(config: PretrainedConfig) -> int | None:
    """How long a text may grow that shares passes with others; None: as long as it likes."""
    parameters: dict[str, Any] = getattr(config, "rope_parameters", None) or {}
    layers = [one for one in parameters.values() if isinstance(one, dict)] or [parameters]  # one for each type of layer
    lengths: list[int] = []
    for one in layers:
        if one.get("rope_type") == "longrope":
            lengths.append(one.get("original_max_position_embeddings") or config.max_position_embeddings)
        elif one.get("rope_type") == "dynamic":
            lengths.append(config.max_position_embeddings)
    return min(lengths, default=None)


def one_pass_at_a_time(model: Any) -> None:
    """Let the passes of several threads take turns: each begins with scaling the positions, which the model holds."""
    lock, forward = threading.Lock(), model.forward

    @functools.wraps(forward)
    def locked(*arguments: Any, **named: Any) -> Any:
        with lock:
            return forward(*arguments, **named)

    model.forward = locked


def forget(model: Any) -> None:
    """Let "dynamic" positions be scaled for the next text alone, and not for a longer one before it."""
    for module in model.modules():
        if hasattr(module, "max_seq_len_cached"):
            module.max_seq_len_cached = 0
