import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.clients.fake import fake, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors

IMAGE = b"image"
ASK = [{"role": "user", "content": [{"type": "image", "image": IMAGE}, {"type": "text", "text": "What?"}]}]
BESIDE = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}]
PREFILL = [*ASK, {"role": "assistant", "content": [{"type": "text", "text": "A"}]}]


def answer(request: Request) -> Tensors:
    return {"GENERATED_TEXT": text(" hat")}


def record(prompt: Any, whole: Any) -> dict[str, Any]:
    return {"input_text": prompt, "generated_text": whole}


ASKED = record(ASK, [*ASK, {"role": "assistant", "content": " hat"}])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"text": ASK}, [ASKED]),
        ({"text": ASK, "return_full_text": False}, [record(ASK, " hat")]),
        ({"text": [ASK, ASK]}, [[ASKED], [ASKED]]),
        (
            {"images": [IMAGE, [IMAGE]], "text": [BESIDE, BESIDE], "return_full_text": False},
            [[record(BESIDE, " hat")]] * 2,
        ),
        ({"images": [IMAGE], "text": BESIDE, "return_full_text": False}, [record(BESIDE, " hat")]),
        (
            {"text": PREFILL},
            [record(PREFILL, [*ASK, {"role": "assistant", "content": [{"type": "text", "text": "A hat"}]}])],
        ),
        ({"images": IMAGE, "text": "<image> A"}, [record("<image> A", "<image> A hat")]),
        ({"text": "A"}, [record("A", "A hat")]),
        ({"text": ["A", "B"]}, [[record("A", "A hat")], [record("B", "B hat")]]),
        ({"images": [IMAGE, IMAGE], "text": ["A", "B"]}, [record("A", "A hat"), record("B", "B hat")]),
        ({"images": {"images": IMAGE, "text": "A"}}, [record("A", "A hat")]),
        ({"images": [{"images": IMAGE, "text": "A"}]}, [[record("A", "A hat")]]),
    ],
)
def test_results_have_the_shapes_of_transformers(arguments: dict[str, Any], expected: Any) -> None:
    ask, _ = fake("image-text-to-text", answer)
    assert ask(**arguments) == expected


def test_images_go_beside_the_chat_as_bytes(tmp_path: Path) -> None:
    file = tmp_path / "image.png"
    Image.new("RGB", (2, 2)).save(file)
    parts = [{"type": "image", "path": str(file)}, {"type": "image", "image": Image.new("RGB", (2, 2))}]
    ask, transport = fake("image-text-to-text", answer)
    ask(text=[{"role": "user", "content": [*parts, {"type": "text", "text": "What?"}]}], max_new_tokens=5)
    request = transport.request
    assert request.decoupled and request.parameters == {"max_new_tokens": 5, "return_full_text": False}
    assert [image[:4] for image in request.tensors["IMAGE"]] == [b"\x89PNG"] * 2
    (message,) = json.loads(sent(request, "MESSAGES")[0])
    assert message["content"] == [{"type": "image"}, {"type": "image"}, {"type": "text", "text": "What?"}]


def test_a_prompt_without_images_sends_none() -> None:
    ask, transport = fake("image-text-to-text", answer)
    ask(text="A")
    assert set(transport.request.tensors) == {"TEXT"}


def test_streams() -> None:
    def pieces(request: Request) -> Iterator[Tensors]:
        return ({"GENERATED_TEXT": text(piece)} for piece in (" A", " hat"))

    ask, transport = fake("image-text-to-text", pieces)
    assert list(ask.stream(text=ASK)) == [" A", " hat"]
    assert transport.request.parameters["stream"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either text or images"),
        ({"images": IMAGE}, "text and images"),
        ({"text": BESIDE}, "number of images"),
        ({"images": [IMAGE, IMAGE], "text": BESIDE}, "number of images"),
        ({"images": [IMAGE], "text": ["A", "B"]}, "2 texts but 1 images"),
        ({"images": [IMAGE], "text": [BESIDE, BESIDE]}, "2 texts but 1 images"),
        ({"text": "A", "return_tensors": True}, "return_tensors"),
        ({"text": "A", "stream": True}, "stream"),
        ({"text": "A", "max_new_tokens": 5, "generate_kwargs": {"max_new_tokens": 5}}, "defined twice"),
        ({"images": "no such file", "text": "A"}, "image"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments: dict[str, Any], message: str) -> None:
    ask, transport = fake("image-text-to-text", answer)
    with pytest.raises(InvalidInput, match=message):
        ask(**arguments)
    assert not transport.requests
