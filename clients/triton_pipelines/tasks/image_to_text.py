"""image-to-text: a caption of an image, or the text on it.

    describe = pipeline("image-to-text")
    describe("parrots.png")                                  # [{'generated_text': 'two birds are standing ...'}]
    describe(["a.png", "b.png"], max_new_tokens=20)          # a list for each image
    describe("a.png", prompt="a photograph of")              # of models that go on with a prompt

From ImageToTextPipeline: any scalar generation parameter may be given, as an argument or in `generate_kwargs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput
from .base import Row, Settings, given, scalars, text_tensor, texts
from .generation import generation_parameters
from .image import ImageTask


class ImageToText(ImageTask):
    name = "image-to-text"
    outputs = ("GENERATED_TEXT",)

    def parameters(
        self,
        *,
        max_new_tokens: int | None = None,
        generate_kwargs: Mapping[str, Any] | None = None,
        prompt: str | None = None,
        timeout: float | None = None,
        **generation: Any,
    ) -> Settings:
        if max_new_tokens is not None and "max_new_tokens" in (generate_kwargs or {}):
            raise InvalidInput(
                "`max_new_tokens` is defined both as an argument and inside `generate_kwargs` argument, please use "
                "only 1 version"
            )
        sent = {**generation_parameters(generate_kwargs, generation), **given(max_new_tokens=max_new_tokens)}
        tensors = {} if prompt is None else {"PROMPT": text_tensor([prompt], "the prompt")}
        return Settings(scalars(sent), tensors, given(timeout=timeout))

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return [{"generated_text": each} for each in texts(outputs["GENERATED_TEXT"])]
