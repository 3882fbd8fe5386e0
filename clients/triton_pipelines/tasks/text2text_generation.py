"""text2text-generation, and what summarization and translation share with it.

    generate = pipeline("text2text-generation")
    generate("question: What is 42? context: 42 is the answer")        # [{'generated_text': 'the answer'}]
    generate([text, other], max_new_tokens=50)                         # a dict for each text
    generate(text, num_beams=4, num_return_sequences=2)                # two dicts

From Text2TextGenerationPipeline: any scalar generation parameter may be given; a list gives a list of dicts, or of
lists where there are several sequences for each text. `seed` is the server's own. What the pipeline logs as a warning
comes as a UserWarning. Difference: token ids are not to be had (`return_tensors`).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

from .base import Inputs, Row, Settings, Shape, Task, choice, given, refuse, scalars, split, text_tensor, texts
from .generation import generation_parameters


class TextToText(Task):
    """A text in, texts out, by a model with an encoder and a decoder."""

    inputs = ("TEXT",)
    key: ClassVar[str]  # of the dicts that come back: "summary_text"

    def items(self, inputs: Any, **parameters: Any) -> Inputs:
        call = split(inputs, parameters)
        if call.shape is Shape.LIST:
            call.parameters["_listed"] = True
        return call

    def parameters(
        self,
        *,
        return_text: bool | None = None,  # of no effect in transformers either
        return_tensors: bool | None = None,
        return_type: Any = None,
        clean_up_tokenization_spaces: bool | None = None,
        truncation: Any = None,
        stop_sequence: str | None = None,
        generate_kwargs: Mapping[str, Any] | None = None,
        _listed: bool | None = None,
        **generation: Any,
    ) -> Settings:
        refuse(
            return_tensors=(return_tensors or None, "the server gives text, not token ids"),
            return_type=(return_type, "the server gives text"),
        )
        sent = {
            **generation_parameters(generate_kwargs, generation),
            **given(
                clean_up_tokenization_spaces=clean_up_tokenization_spaces,
                truncation=choice(truncation),
                stop_sequence=stop_sequence,
            ),
        }
        return Settings(scalars(sent), options=given(listed=_listed))

    def encode(self, item: Any, settings: Settings) -> Row:
        return {"TEXT": text_tensor([item], "the text")}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> Any:
        for line in texts(outputs["WARNING"])[0].splitlines():
            warnings.warn(line, UserWarning, stacklevel=2)
        results = [{self.key: each} for each in texts(outputs[self.outputs[0]])]
        return results[0] if settings.options.get("listed") and len(results) == 1 else results


class Text2TextGeneration(TextToText):
    name = "text2text-generation"
    outputs = ("GENERATED_TEXT", "WARNING")
    key = "generated_text"
