"""Text-to-text generation: a text to what an encoder-decoder model makes of it."""

from __future__ import annotations

from python_backend import text2text

PARAMETERS = text2text.parameters()


class Preprocess(text2text.Preprocess):
    __doc__ = text2text.Preprocess.__doc__
    PARAMETERS = PARAMETERS
    task = "text2text-generation"


class Model(text2text.Model):
    __doc__ = text2text.Model.__doc__
    PARAMETERS = PARAMETERS
    task = "text2text-generation"


class Postprocess(text2text.Postprocess):
    """Token ids to GENERATED_TEXT [batch, sequences]."""

    PARAMETERS = PARAMETERS
    output = "GENERATED_TEXT"
