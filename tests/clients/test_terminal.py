"""A chat in a terminal, over a fake transport."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.clients.fake import FakeTransport, fake, sent, text
from triton_pipelines import InvalidInput, Unavailable, terminal
from triton_pipelines.transport import Request, Tensors


def pieces(request: Request) -> Iterator[Tensors]:
    return ({"GENERATED_TEXT": text(piece)} for piece in (" I", " am."))


def talked(task: str, *lines: str, answer: Any = pieces, system: str | None = None) -> tuple[str, FakeTransport]:
    """What is written when these lines are typed."""
    run, transport = fake(task, answer)
    typed = iter(lines)
    written = io.StringIO()

    def read(prompt: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    terminal.talk(terminal.Chat(run, system), read, written.write)  # type: ignore[arg-type]
    return written.getvalue(), transport


def chats(transport: FakeTransport) -> list[Any]:
    return [json.loads(sent(request, "MESSAGES")[0]) for request in transport.requests]


def test_answers_come_in_pieces_and_the_chat_goes_on() -> None:
    written, transport = talked("text-generation", "Who?", "", "Really?", system="Be brief.")
    assert written == " I am.\n I am.\n\n"
    first = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}]
    more = [{"role": "assistant", "content": " I am."}, {"role": "user", "content": "Really?"}]
    assert chats(transport) == [first, [*first, *more]]


def test_a_chat_begins_anew() -> None:
    _, transport = talked("text-generation", "Who?", "/reset", "What?", "/exit", "never")
    assert chats(transport)[-1] == [{"role": "user", "content": "What?"}]
    assert len(transport.requests) == 2


def test_images_go_with_the_next_message_and_stay_in_the_chat(tmp_path: Path) -> None:
    file = tmp_path / "image.png"
    Image.new("RGB", (2, 2)).save(file)
    _, transport = talked("image-text-to-text", f"/image {file}", "What?", "And?")
    first, second = chats(transport)
    assert first[0]["content"] == [{"type": "image"}, {"type": "text", "text": "What?"}]
    assert second[2]["content"] == [{"type": "text", "text": "And?"}]
    assert [len(request.tensors["IMAGE"]) for request in transport.requests] == [1, 1]


def test_an_error_is_told_and_the_chat_goes_on_without_the_message() -> None:
    def answer(request: Request) -> Iterator[Tensors]:
        if "bad" in sent(request, "MESSAGES")[0]:
            raise Unavailable("full")
        return pieces(request)

    written, transport = talked("text-generation", "bad", "good", "/what", "/image a.png", answer=answer)
    assert "error: " in written and "full" in written
    assert "/what is no command" in written and "takes no images" in written
    assert chats(transport)[-1] == [{"role": "user", "content": "good"}]


def test_an_answer_that_is_broken_off_is_forgotten() -> None:
    def answer(request: Request) -> Iterator[Tensors]:
        yield {"GENERATED_TEXT": text(" I")}
        if len(json.loads(sent(request, "MESSAGES")[0])) == 1 and "again" not in sent(request, "MESSAGES")[0]:
            raise KeyboardInterrupt

    written, transport = talked("text-generation", "Who?", "again", answer=answer)
    assert written == " I\n I\n\n"
    assert chats(transport)[-1] == [{"role": "user", "content": "again"}]


def test_tasks_that_hold_no_chat_are_refused() -> None:
    run, _ = fake("fill-mask", pieces)
    with pytest.raises(InvalidInput, match="holds no chat"):
        terminal.Chat(run)
