"""fill-mask: what may stand in the place of the mask token.

    fill = pipeline("fill-mask")
    fill("Paris is the <mask> of France.", top_k=1)
    # [{'score': 0.9, 'token': 812, 'token_str': ' capital', 'sequence': 'Paris is the capital of France.'}]
    fill("Paris is the <mask> of France.", targets=["capital", "heart"])

A text with several masks gives one such list for each. From FillMaskPipeline: a list of one text gives what the text
alone gives. `tokenizer_kwargs` takes the server's tokenizer parameters (truncation, max_length).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput
from .base import Inputs, Row, Settings, Task, given, one, scalars, split, text_list, text_tensor, texts
from .tokenizer import tokenizer_parameters


class FillMask(Task):
    name = "fill-mask"
    inputs = ("TEXT",)
    outputs = ("SCORE", "TOKEN", "TOKEN_STR", "SEQUENCE", "COUNT")

    def items(self, inputs: Any, **parameters: Any) -> Inputs:
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1:
            return one(inputs[0], parameters)
        return split(inputs, parameters)

    def parameters(
        self,
        *,
        top_k: int | None = None,
        targets: str | list[str] | None = None,
        tokenizer_kwargs: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> Settings:
        sent = scalars({**others, **tokenizer_parameters(tokenizer_kwargs), **given(top_k=top_k)})
        if targets is None:
            return Settings(sent)
        words = text_list(targets, "targets")
        if not words:
            raise InvalidInput("At least one target must be provided when passed.")
        return Settings(sent, {"TARGETS": text_tensor(words, "targets")})

    def encode(self, item: Any, settings: Settings) -> Row:
        return {"TEXT": text_tensor([item], "the text")}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[Any]:
        masks = [
            [
                {"score": score, "token": token, "token_str": token_str, "sequence": sequence}
                for score, token, token_str, sequence in zip(
                    outputs["SCORE"][mask].tolist(),
                    outputs["TOKEN"][mask].tolist(),
                    texts(outputs["TOKEN_STR"][mask]),
                    texts(outputs["SEQUENCE"][mask]),
                    strict=True,
                )
            ]
            for mask in range(int(outputs["COUNT"][0]))
        ]
        return masks[0] if len(masks) == 1 else masks
