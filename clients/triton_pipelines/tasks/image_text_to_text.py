"""image-text-to-text: ask about images, or chat with them.

    ask = pipeline("image-text-to-text", max_new_tokens=50)
    messages = [{"role": "user", "content": [{"type": "image", "image": "cat.png"}, {"type": "text", "text": "What?"}]}]
    ask(text=messages)                                  # [{'input_text': [...], 'generated_text': [..., the answer]}]
    ask(text=messages, return_full_text=False)          # [{'input_text': [...], 'generated_text': 'A cat.'}]
    ask(images="cat.png", text="<image> What is it?")   # a prompt with the checkpoint's own image token
    for piece in ask.stream(text=messages):             # new text, as it is generated
        print(piece, end="")

From ImageTextToTextPipeline; chats are those of triton_pipelines/chat.py. Any scalar generation parameter may be given,
as an argument or in `generate_kwargs`; `seed` is the server's own. Difference: token ids are not to be had.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import chat, images
from ..errors import InvalidInput
from .base import (
    Inputs,
    Row,
    Settings,
    Shape,
    Task,
    bytes_tensor,
    given,
    is_iterable,
    one,
    refuse,
    scalars,
    split,
    text_list,
    text_tensor,
    texts,
)
from .generation import generation_parameters, stop_tensor


class ImageTextToText(Task):
    name = "image-text-to-text"
    inputs = ("IMAGE", "MESSAGES")  # or TEXT
    outputs = ("GENERATED_TEXT",)
    batch_size = 1
    num_workers = 8  # the server batches what is under way at the same time
    decoupled = True

    def items(self, images: Any = None, text: Any = None, **parameters: Any) -> Inputs:
        if images is None and text is None:
            raise InvalidInput("You must at least provide either text or images.")
        if text is None:  # dicts of both
            return split(images, parameters)
        if isinstance(text, str) or chat.is_chat(text):
            return one({"text": text, "images": images}, parameters)
        if images is None:
            return split(text, parameters)
        prompts = text_list(text, "text")
        beside = list(images) if is_iterable(images) else [images]
        if len(prompts) != len(beside):
            raise InvalidInput(
                f"{len(prompts)} texts but {len(beside)} images: there must be as many of both. Several images of a "
                "text go into a list of their own"
            )
        items = [{"text": prompt, "images": its} for prompt, its in zip(prompts, beside, strict=True)]
        joined = {} if prompts and chat.is_chat(prompts[0]) else {"_joined": True}
        return Inputs(items, Shape.LIST, {**parameters, **joined})

    def parameters(
        self,
        *,
        max_new_tokens: int | None = None,
        generate_kwargs: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        return_full_text: bool | None = None,
        return_tensors: bool | None = None,
        return_type: Any = None,
        return_text: bool | None = None,  # of no effect in transformers either
        continue_final_message: bool | None = None,
        stop_strings: Any = None,
        stream: bool | None = None,
        _joined: bool | None = None,
        **generation: Any,
    ) -> Settings:
        refuse(
            return_tensors=(return_tensors or None, "the server gives text, not token ids"),
            return_type=(return_type, "give return_full_text=True or False"),
            stream=(stream, "call .stream(...) for the text as it is generated"),
        )
        if max_new_tokens is not None and "max_new_tokens" in (generate_kwargs or {}):
            raise InvalidInput(
                "'max_new_tokens' is defined twice, once in 'generate_kwargs' and once as a direct parameter, please "
                "use only one"
            )
        sent = {
            **generation_parameters(generate_kwargs, generation),
            **given(max_new_tokens=max_new_tokens, continue_final_message=continue_final_message),
            "return_full_text": False,  # the prompt is put back here
        }
        options = given(
            timeout=timeout,
            return_full_text=return_full_text,
            continue_final_message=continue_final_message,
            joined=_joined,
        )
        return Settings(scalars(sent), stop_tensor(stop_strings), options)

    def load(self, item: Any, settings: Settings) -> dict[str, Any]:
        """text, or messages with their images, as bytes."""
        prompt, beside = _pair(item)
        timeout = settings.options.get("timeout")
        pictures = [] if beside is None else list(beside) if is_iterable(beside) else [beside]
        if isinstance(prompt, str):
            return {"text": prompt, "images": [images.read(each, timeout) for each in pictures]}
        messages = chat.read(prompt)
        found = chat.images_of(messages, pictures)
        return {"messages": messages, "images": [images.read(each, timeout) for each in found]}

    def encode(self, item: dict[str, Any], settings: Settings) -> Row:
        row = {"IMAGE": bytes_tensor(item["images"])} if item["images"] else {}
        if "text" in item:
            return {"TEXT": text_tensor([item["text"]], "the prompt"), **row}
        return {"MESSAGES": text_tensor([chat.to_json(item["messages"])], "the chat"), **row}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> Any:
        prompt, _ = _pair(item)
        prompt = prompt if isinstance(prompt, str) else chat.read(prompt)
        (new,) = texts(outputs["GENERATED_TEXT"])
        record = {"input_text": prompt, "generated_text": self._whole(prompt, new, settings)}
        return record if settings.options.get("joined") else [record]

    def piece(self, outputs: Row) -> str:
        return texts(outputs["GENERATED_TEXT"])[0]

    def _whole(self, prompt: Any, new: str, settings: Settings) -> Any:
        if not settings.options.get("return_full_text", True):
            return new
        if isinstance(prompt, str):
            return prompt + new
        return chat.answered(prompt, new, settings.options.get("continue_final_message"))


def _pair(item: Any) -> tuple[Any, Any]:
    """The prompt or chat of an item, and its images."""
    if isinstance(item, str) or chat.is_chat(item):
        return item, None
    if not isinstance(item, Mapping) or not isinstance(item.get("text"), (str, list, tuple)):
        raise InvalidInput("each item must be a prompt, a chat, or a dict with the keys text and images")
    return item["text"], item.get("images")
