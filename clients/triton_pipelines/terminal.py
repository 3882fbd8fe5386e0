"""A chat in a terminal, streamed.

    triton-pipelines chat                                   # with the deployment text_generation
    triton-pipelines chat --model my_model --system "You are brief."
    triton-pipelines chat image-text-to-text --image cat.png

/image PATH    adds an image to the next message
/reset         begins anew
/exit          ends, as does the end of the input
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from . import images
from .errors import InvalidInput, TritonPipelinesError
from .pipelines import Pipeline

TASKS = ("text-generation", "image-text-to-text")
"""Those that hold chats."""


class Chat:
    """The messages so far, and how the next answer comes.

    Args:
        run: of one of TASKS.
        system: the first message, if any.
    """

    def __init__(self, run: Pipeline, system: str | None = None) -> None:
        if run.task not in TASKS:
            raise InvalidInput(f"{run.task} holds no chat; {' and '.join(TASKS)} do")
        self.run = run
        self.system = system
        self.reset()

    def reset(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.images: list[bytes] = []
        if self.system is not None:
            self.messages.append({"role": "system", "content": self._content(self.system)})

    def add_image(self, source: str) -> None:
        """An image, path or URL, for the next message."""
        if self.run.task != "image-text-to-text":
            raise InvalidInput(f"{self.run.task} takes no images; chat with image-text-to-text")
        self.images.append(images.read(source))

    def ask(self, text: str, **parameters: Any) -> Iterator[str]:
        """The answer in pieces. The chat stays as it was where it fails, or is broken off before its end."""
        message = {"role": "user", "content": self._content(text)}
        messages = [*self.messages, message]
        name = "text" if self.run.task == "image-text-to-text" else "text_inputs"
        arguments: dict[str, Any] = {**parameters, name: messages}
        answer = ""
        for piece in self.run.stream(**arguments):
            answer += piece
            yield piece
        self.messages += [message, {"role": "assistant", "content": self._content(answer, ())}]
        self.images = []

    def _content(self, text: str, pictures: Any = None) -> Any:
        if self.run.task != "image-text-to-text":
            return text
        parts = [{"type": "image", "image": image} for image in (self.images if pictures is None else pictures)]
        return [*parts, {"type": "text", "text": text}]


def talk(chat: Chat, read: Callable[[str], str], write: Callable[[str], None]) -> None:
    """Ask and answer until /exit or the end of the input. An error is told, and the chat goes on.

    Args:
        read: gives a line for a prompt, or raises EOFError: input().
        write: shows text as it is.
    """
    while True:
        try:
            line = read("> ").strip()
        except (EOFError, KeyboardInterrupt):
            write("\n")
            return
        command, _, rest = line.partition(" ")
        try:
            if command == "/exit":
                return
            if command == "/reset":
                chat.reset()
            elif command == "/image":
                chat.add_image(rest.strip())
            elif command.startswith("/"):
                write(f"{command} is no command; there are /image PATH, /reset and /exit\n")
            elif line:
                with contextlib.suppress(KeyboardInterrupt):  # breaks the answer off
                    for piece in chat.ask(line):
                        write(piece)
                write("\n")
        except TritonPipelinesError as error:
            write(f"error: {error}\n")
