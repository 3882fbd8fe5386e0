"""feature-extraction: the hidden states of a text, or one embedding.

    extract = pipeline("feature-extraction")
    extract("A test.")                                            # [[[0.1, ...], ...]]: 1, tokens, hidden size
    extract("A test.", return_tensors=True)                       # the same as a float32 array
    extract(texts, pooling="mean", normalize=True)                # a vector a text; not in transformers

From FeatureExtractionPipeline. `tokenize_kwargs` takes the server's tokenizer parameters (truncation, max_length,
add_special_tokens), which may be given as arguments of their own too. Difference: `return_tensors` gives numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput
from .base import NULL, Inputs, Row, Settings, Task, given, scalars, split, text_tensor
from .tokenizer import tokenizer_parameters


class FeatureExtraction(Task):
    name = "feature-extraction"
    inputs = ("TEXT",)
    outputs = ("FEATURES", "LENGTH")

    def items(self, inputs: Any, **parameters: Any) -> Inputs:
        return split(inputs, parameters)

    def parameters(
        self,
        *,
        truncation: Any = None,
        tokenize_kwargs: Mapping[str, Any] | None = None,
        return_tensors: bool | None = None,
        **others: Any,
    ) -> Settings:
        if truncation is not None and "truncation" in (tokenize_kwargs or {}):
            raise InvalidInput("truncation is given twice: as an argument and in tokenize_kwargs")
        sent = scalars({**others, **tokenizer_parameters(tokenize_kwargs), **given(truncation=truncation)})
        return Settings(sent, options=given(return_tensors=return_tensors))

    def encode(self, item: Any, settings: Settings) -> Row:
        return {"TEXT": text_tensor([item], "the text")}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> Any:
        features = outputs["FEATURES"][: int(outputs["LENGTH"][0])]
        features = features[0] if settings.parameters.get("pooling", NULL) != NULL else features[None]
        return features.copy() if settings.options.get("return_tensors") else features.tolist()
