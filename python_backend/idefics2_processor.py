"""Idefics2Processor as in 4.48: that of transformers 5 puts a space between an image and a word right behind it.

A mark stands between them meanwhile, which goes with the space before the text is tokenized.
"""

from __future__ import annotations

import re
from typing import Any

MARK = "\uffff"
"""A noncharacter."""


def marking(base: Any) -> Any:
    """The class of the processor, for one text at a time."""

    def __call__(self: Any, images: Any = None, text: str | None = None, **settings: Any) -> Any:  # noqa: N807
        image = re.escape(self.image_token)
        marked = text if text is None else re.sub(rf"({image})(?=[^\s<])", rf"\1{MARK}", text)
        return base.__call__(self, images=images, text=marked, **settings)

    return type(base.__name__, (base,), {"__call__": __call__})


def unmarking(base: Any) -> Any:
    """The class of the tokenizer."""

    def __call__(self: Any, text: list[str], **settings: Any) -> Any:  # noqa: N807
        return base.__call__(self, [one.replace(f" {MARK}", "") for one in text], **settings)

    return type(base.__name__, (base,), {"__call__": __call__})
