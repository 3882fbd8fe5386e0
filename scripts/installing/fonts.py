"""The font in which a Pix2Struct for questions prints them above the picture: transformers takes it from the Hub when a
question comes, a server has it from the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from installing.source import CheckpointError, Source, download

FONT = "Arial.TTF"
HUB_ID = "ybelkada/fonts"
"""DEFAULT_FONT_PATH of transformers."""


def find_font(config: dict[str, Any], source: Source) -> Path | None:
    """The font's file, the checkpoint's own or that of transformers; None where the checkpoint prints nothing."""
    if config.get("model_type") != "pix2struct" or not source.read("preprocessor_config.json").get("is_vqa"):
        return None
    if (own := source.folder / FONT).is_file():
        return own
    try:
        return download(HUB_ID, None, [FONT]) / FONT
    except CheckpointError as error:
        raise CheckpointError(
            f"the font in which it prints questions: {error}; or put any TrueType font beside its files as {FONT}"
        ) from None
