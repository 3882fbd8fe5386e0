"""SentencePiece models, read with the protobuf schema that transformers has: the library itself is not needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NORMAL, USER_DEFINED, BYTE = 1, 4, 6
"""Types of pieces."""
UNIGRAM, BPE, CHARACTERS = 1, 2, 4
"""Types of models."""
BLANK = "\u2581"
"""What stands for a space."""


def read(file: Path) -> Any:
    """The ModelProto of a file."""
    from transformers.convert_slow_tokenizer import import_protobuf

    protocol: Any = import_protobuf()
    model = protocol.ModelProto()
    model.ParseFromString(file.read_bytes())
    return model
