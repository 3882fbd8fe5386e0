"""Chats: lists of messages, the same for every task that holds them.

    [{"role": "user", "content": "Hello"}]
    [{"role": "user", "content": [{"type": "image", "image": "cat.png"}, {"type": "text", "text": "What is it?"}]}]
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://..."}}]}]        # as OpenAI's

A part of type "image" holds a path, a URL, base64, bytes, a PIL image or an array, under "image", "url", "path" or
"base64"; or nothing, and stands for the next of the images that are given beside the chat.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InvalidInput

Message = dict[str, Any]
HOLDERS = ("image", "url", "path", "base64")


def is_chat(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], Mapping)


def read(messages: Any) -> list[Message]:
    """The messages, copied, with OpenAI's image parts spelled as transformers spells them."""
    if not messages or not all(isinstance(each, Mapping) and {"role", "content"} <= set(each) for each in messages):
        raise InvalidInput("a chat must be a list of dicts that each have a 'role' and a 'content' key")
    return [{**message, "content": _content(message["content"])} for message in messages]


def images_of(messages: Sequence[Message], beside: Sequence[Any]) -> list[Any]:
    """The images of a chat in their order: those in its parts, and those beside it in the place of the others."""
    inside = [next((part[key] for key in HOLDERS if key in part), None) for part in _image_parts(messages)]
    empty = sum(image is None for image in inside)
    if empty != len(beside):
        raise InvalidInput(
            "The number of images in the chat messages should be the same as the number of images passed to the "
            f"pipeline: {empty} of its images are said to be beside it, where there are {len(beside)}."
        )
    waiting = iter(beside)
    return [next(waiting) if image is None else image for image in inside]


def to_json(messages: Sequence[Message]) -> str:
    """The chat as the server takes it: its images go beside it."""
    try:
        return json.dumps([{**message, "content": _without_images(message["content"])} for message in messages])
    except TypeError as error:
        raise InvalidInput(f"a chat must be plain JSON: {error}") from error


def as_text(messages: Sequence[Message]) -> list[Message]:
    """The chat for a model of text alone: parts joined to a string."""
    return [{**message, "content": _joined(message["content"])} for message in messages]


def continues(messages: Sequence[Message], continue_final_message: bool | None) -> bool:
    """Whether an answer is the rest of the last message: by default where it is the assistant's."""
    if continue_final_message is not None:
        return continue_final_message
    return bool(messages[-1]["role"] == "assistant")


def answered(messages: Sequence[Message], new: str, continue_final_message: bool | None) -> list[Message]:
    """The chat with what was generated: as a message of its own, or at the end of the last one."""
    if not continues(messages, continue_final_message):
        return [*messages, {"role": "assistant", "content": new}]
    *before, last = messages
    content = last["content"]
    if isinstance(content, str):
        return [*before, {**last, "content": content + new}]
    if not content or not isinstance(content[-1], Mapping) or "text" not in content[-1]:
        raise InvalidInput("The last message ends without a text to continue; give continue_final_message=False")
    return [*before, {**last, "content": [*content[:-1], {**content[-1], "text": content[-1]["text"] + new}]}]


def _content(content: Any) -> Any:
    if not isinstance(content, (list, tuple)):
        return content
    return [_part(part) for part in content]


def _part(part: Any) -> Any:
    if not isinstance(part, Mapping) or part.get("type") != "image_url":
        return dict(part) if isinstance(part, Mapping) else part
    link = part.get("image_url")
    if not isinstance(link, Mapping) or "url" not in link:
        raise InvalidInput(
            "Wrong format for 'image_url' content type. The content should have an 'image_url' dict with a 'url' key."
        )
    rest = {key: value for key, value in part.items() if key != "image_url"}
    return {**rest, "type": "image", "image": link["url"]}


def _image_parts(messages: Sequence[Message]) -> list[Mapping[str, Any]]:
    return [
        part
        for message in messages
        if isinstance(message["content"], list)
        for part in message["content"]
        if isinstance(part, Mapping) and part.get("type") == "image"
    ]


def _without_images(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [
        {key: value for key, value in part.items() if key not in HOLDERS}
        if isinstance(part, Mapping) and part.get("type") == "image"
        else part
        for part in content
    ]


def _joined(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    parts = [part if isinstance(part, Mapping) else {"text": part} for part in content]
    if not all(isinstance(part.get("text"), str) and part.get("type", "text") == "text" for part in parts):
        raise InvalidInput("this task takes text alone: a message's parts must be of type 'text'")
    return "".join(part["text"] for part in parts)
