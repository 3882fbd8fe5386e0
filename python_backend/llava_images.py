"""The image processors of LLaVA-NeXT and LLaVA-OneVision as of transformers 4.48: an image in parts gets as much
padding on one side as on the other. Later ones add a row or column where that leaves one out: other pixels."""

from __future__ import annotations

from typing import Any


def evenly_padded(base: type) -> Any:
    """The class, as before."""

    def _get_padding_size(self: Any, original: tuple[int, int], target: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """Rows and columns before and behind, of sizes (height, width)."""
        return tuple(((whole - part) // 2,) * 2 for part, whole in zip(original, target, strict=True))

    return type(base.__name__, (base,), {"_get_padding_size": _get_padding_size})
