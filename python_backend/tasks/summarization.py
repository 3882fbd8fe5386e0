"""Summarization: a text to a shorter one, by an encoder-decoder model."""

from __future__ import annotations

from python_backend import text2text
from python_backend.stage import Request

PARAMETERS = text2text.parameters()


class Preprocess(text2text.Preprocess):
    __doc__ = text2text.Preprocess.__doc__
    PARAMETERS = PARAMETERS
    task = "summarization"

    def length_warnings(self, request: Request, input_length: int) -> list[str]:
        least, most = self.lengths(request)
        warnings = []
        if most < least:
            warnings.append(f"Your min_length={least} must be inferior than your max_length={most}.")
        if input_length < most:
            warnings.append(
                f"Your max_length is set to {most}, but your input_length is only {input_length}. Since this is "
                "a summarization task, where outputs shorter than the input are typically wanted, you might "
                f"consider decreasing max_length manually, e.g. summarizer('...', max_length={input_length // 2})"
            )
        return warnings


class Model(text2text.Model):
    __doc__ = text2text.Model.__doc__
    PARAMETERS = PARAMETERS
    task = "summarization"


class Postprocess(text2text.Postprocess):
    """Token ids to SUMMARY_TEXT [batch, sequences]."""

    PARAMETERS = PARAMETERS
    output = "SUMMARY_TEXT"
