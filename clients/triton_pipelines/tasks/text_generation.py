"""text-generation: continue a text, or a chat.

    generate = pipeline("text-generation", max_new_tokens=20)
    generate("Once upon a time")                             # [{'generated_text': 'Once upon a time there was ...'}]
    generate("Once upon a time", return_full_text=False)     # only what is new
    generate([{"role": "user", "content": "Hi!"}])           # the chat with the answer: [{'generated_text': [...]}]
    for piece in generate.stream("Once upon a time"):        # new text, as it is generated
        print(piece, end="")

From TextGenerationPipeline; chats are those of triton_pipelines/chat.py, of text alone. Any scalar generation parameter
may be given, and `stop_strings`, which end a text; `seed` is the server's own. Difference: token ids are not to be had
(`return_tensors`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import chat
from ..errors import InvalidInput
from .base import Inputs, Row, Settings, Task, given, one, refuse, scalars, split, text_tensor, texts
from .generation import generation_parameters, stop_tensor


class TextGeneration(Task):
    name = "text-generation"
    inputs = ("MESSAGES",)  # or TEXT
    outputs = ("GENERATED_TEXT",)
    batch_size = 1
    num_workers = 8  # the server batches what is under way at the same time
    decoupled = True

    def items(self, text_inputs: Any, **parameters: Any) -> Inputs:
        if chat.is_chat(text_inputs):
            return one(text_inputs, parameters)
        return split(text_inputs, parameters)

    def parameters(
        self,
        *,
        return_full_text: bool | None = None,
        return_text: bool | None = None,
        return_tensors: bool | None = None,
        return_type: Any = None,
        stop_sequence: str | None = None,
        stop_strings: Any = None,
        continue_final_message: bool | None = None,
        clean_up_tokenization_spaces: bool | None = None,
        prefix: str | None = None,
        handle_long_generation: str | None = None,
        truncation: Any = None,
        max_length: int | None = None,
        padding: Any = None,  # of no effect on one text
        stream: bool | None = None,
        generate_kwargs: Mapping[str, Any] | None = None,
        **generation: Any,
    ) -> Settings:
        refuse(
            return_tensors=(return_tensors or None, "the server gives text, not token ids"),
            return_type=(return_type, "give return_full_text=True or False"),
            stream=(stream, "call .stream(...) for the text as it is generated"),
        )
        if return_full_text is not None and return_text is not None:
            raise InvalidInput("`return_text` is mutually exclusive with `return_full_text`")
        sent = {
            **generation_parameters(generate_kwargs, generation),
            **given(
                continue_final_message=continue_final_message,
                clean_up_tokenization_spaces=clean_up_tokenization_spaces,
                prefix=prefix,
                handle_long_generation=handle_long_generation,
                stop_sequence=stop_sequence,
                truncation=truncation,
                max_length=max_length,
            ),
            "return_full_text": False,  # the prompt is put back here: see _whole
        }
        options = given(return_full_text=return_full_text, continue_final_message=continue_final_message)
        return Settings(scalars(sent), stop_tensor(stop_strings), options)

    def encode(self, item: Any, settings: Settings) -> Row:
        if not isinstance(item, (list, tuple)):
            return {"TEXT": text_tensor([item], "the prompt")}
        messages = chat.to_json(chat.as_text(chat.read(item)))
        return {"MESSAGES": text_tensor([messages], "the chat")}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return [{"generated_text": _whole(item, new, settings)} for new in texts(outputs["GENERATED_TEXT"])]

    def piece(self, outputs: Row) -> str:
        return texts(outputs["GENERATED_TEXT"])[0]


def _whole(prompt: Any, new: str, settings: Settings) -> Any:
    """What was generated, put behind the prompt or into the chat unless only the new text is asked for.

    The prompt is the caller's own string, as in transformers, not what its tokens decode to.
    """
    if not settings.options.get("return_full_text", True):
        return new
    if isinstance(prompt, str):
        return prompt + new
    return chat.answered(prompt, new, settings.options.get("continue_final_message"))
