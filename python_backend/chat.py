"""Chat messages to a prompt, by the checkpoint's chat template. Renders as `apply_chat_template` does; no torch."""

from __future__ import annotations

import copy
import json
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from python_backend.checkpoint import read_json
from python_backend.parameters import InvalidInput
from python_backend.text import Tokenizer

Message = dict[str, Any]

CONTINUE_HERE = "CONTINUE_FINAL_MESSAGE_TAG "


def read_messages(text: str) -> list[Message]:
    """The messages of a JSON chat, [{"role": ..., "content": ...}, ...]. InvalidInput when it is none."""
    try:
        messages = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"MESSAGES is not valid JSON: {error}.") from None
    if not isinstance(messages, list) or not messages:
        raise InvalidInput('MESSAGES must be a JSON list of messages, [{"role": "user", "content": "Hello"}].')
    for message in messages:
        if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
            raise InvalidInput('Each message must be an object with "role" and "content".')
    return messages


class ChatTemplate:
    """The chat template of a checkpoint: chat_template.jinja, or "chat_template" of the processor's files or of
    tokenizer_config.json."""

    def __init__(self, folder: Path, tokenizer: Tokenizer) -> None:
        source = _source(folder, tokenizer)
        self.template = None if source is None else _environment().from_string(source)
        extra = read_json(folder, "special_tokens_map.json").get("additional_special_tokens")
        self.special_tokens = tokenizer.special_tokens | ({"additional_special_tokens": extra} if extra else {})

    def render(self, messages: list[Message], continue_final_message: bool | None = None) -> str:
        """The prompt that asks for the next message or, with `continue_final_message` (by default when the last message
        is the assistant's), for the rest of the last one.

        Raises InvalidInput when there is no template, or it refuses the messages.
        """
        if self.template is None:
            raise InvalidInput("This checkpoint has no chat template: send a prompt in TEXT instead of MESSAGES.")
        if continue_final_message is None:
            continue_final_message = messages[-1]["role"] == "assistant"
        if continue_final_message:
            messages = _marked(messages)
        try:
            prompt = self.template.render(
                messages=messages,
                tools=None,
                documents=None,
                add_generation_prompt=not continue_final_message,
                **self.special_tokens,
            )
            prompt.encode()  # halves of surrogate pairs, which JSON can spell, are no text
        except UnicodeError as error:
            raise InvalidInput(f"MESSAGES is not valid Unicode: {error}.") from None
        except Exception as error:  # the template is the checkpoint's program: anything can come out of it
            raise InvalidInput(f"The checkpoint's chat template refuses MESSAGES: {error}.") from None
        return _until_mark(prompt) if continue_final_message else prompt


def _source(folder: Path, tokenizer: Tokenizer) -> str | None:
    path = folder / "chat_template.jinja"
    if path.exists():
        return path.read_text(encoding="utf-8")
    of_processor = read_json(folder, "chat_template.json") or read_json(folder, "processor_config.json")
    source = of_processor.get("chat_template") or tokenizer.config.get("chat_template")
    if isinstance(source, list):  # several named ones
        source = {named["name"]: named["template"] for named in source}.get("default")
    return source


def _marked(messages: list[Message]) -> list[Message]:
    """The messages with a mark at the end of the last one's text."""
    messages = copy.deepcopy(messages)
    content = messages[-1]["content"]
    if isinstance(content, str):
        messages[-1]["content"] = content + CONTINUE_HERE
        return messages
    parts = content if isinstance(content, list) else []
    for part in reversed(parts):
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            part["text"] += CONTINUE_HERE
            return messages
    raise InvalidInput("The last message has no text to continue; send continue_final_message=false.")


def _until_mark(prompt: str) -> str:
    at = prompt.rfind(CONTINUE_HERE.strip())
    if at < 0:
        raise InvalidInput("The checkpoint's chat template leaves out the last message, so it cannot be continued.")
    # A template that trims the message took the mark's own space away; the message's goes too then.
    trimmed = not prompt.startswith(CONTINUE_HERE, at)
    return prompt[:at].rstrip() if trimmed else prompt[:at]


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlocks, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """Jinja's own filter escapes HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


class _GenerationBlocks(Extension):
    """{% generation %} blocks, which mark what the assistant says for training, are rendered as they are."""

    tags = {"generation"}  # noqa: RUF012 (as the base class declares it)

    def parse(self, parser: jinja2.parser.Parser) -> jinja2.nodes.Scope:
        line = next(parser.stream).lineno
        return jinja2.nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)
