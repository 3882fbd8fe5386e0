import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.fake import fake, sent, text
from triton_pipelines import InvalidInput, Unsupported
from triton_pipelines.transport import Request, Tensors

CHAT = [{"role": "user", "content": "Hi!"}]
PREFILLED = [*CHAT, {"role": "assistant", "content": "I"}]


def answer(request: Request) -> Tensors:
    return {"GENERATED_TEXT": text(*[" am"] * int(request.parameters.get("num_return_sequences", 1)))}


def pieces(request: Request) -> Iterator[Tensors]:
    return ({"GENERATED_TEXT": text(piece)} for piece in (" I", "", " am"))


def generated(*texts: Any) -> list[dict[str, Any]]:
    return [{"generated_text": each} for each in texts]


@pytest.mark.parametrize(
    ("inputs", "arguments", "expected"),
    [
        ("I", {}, generated("I am")),
        ("I", {"return_full_text": False}, generated(" am")),
        ("I", {"num_return_sequences": 2}, generated("I am", "I am")),
        (["I"], {}, [generated("I am")]),
        (["I", "You"], {}, [generated("I am"), generated("You am")]),
        ([], {}, []),
        (CHAT, {}, generated([*CHAT, {"role": "assistant", "content": " am"}])),
        (tuple(CHAT), {}, generated([*CHAT, {"role": "assistant", "content": " am"}])),
        (CHAT, {"return_full_text": False}, generated(" am")),
        (
            [CHAT, PREFILLED],
            {},
            [
                generated([*CHAT, {"role": "assistant", "content": " am"}]),
                generated([*CHAT, {"role": "assistant", "content": "I am"}]),
            ],
        ),
        (
            PREFILLED,
            {"continue_final_message": False},
            generated([*PREFILLED, {"role": "assistant", "content": " am"}]),
        ),
        (CHAT, {"continue_final_message": True}, generated([{"role": "user", "content": "Hi! am"}])),
    ],
)
def test_results_have_the_shapes_of_transformers(inputs: Any, arguments: dict[str, Any], expected: Any) -> None:
    generate, _ = fake("text-generation", answer)
    assert generate(inputs, **arguments) == expected


def test_a_generator_of_prompts_and_chats() -> None:
    generate, _ = fake("text-generation", answer, return_full_text=False)
    assert list(generate(iter(["I", "You"]))) == [generated(" am"), generated(" am")]
    assert list(generate(iter([CHAT, PREFILLED]))) == [generated(" am"), generated(" am")]


def test_requests_have_no_batch_dimension_and_ask_for_new_text_alone() -> None:
    generate, transport = fake("text-generation", answer)
    generate("I", return_full_text=True)
    generate(CHAT)
    prompt, chat = transport.requests
    assert prompt.decoupled
    assert sent(prompt, "TEXT") == ["I"]
    assert json.loads(sent(chat, "MESSAGES")[0]) == CHAT
    assert prompt.parameters == chat.parameters == {"return_full_text": False}


def test_parameters() -> None:
    generate, transport = fake("text-generation", answer, max_new_tokens=5)
    generate(
        "I",
        do_sample=True,
        top_p=None,
        generate_kwargs={"temperature": 0.5},
        prefix="So: ",
        stop_sequence=".",
        stop_strings=["!", "?"],
        padding=True,
    )
    assert transport.request.parameters == {
        "return_full_text": False,
        "max_new_tokens": 5,
        "do_sample": True,
        "top_p": "null",
        "temperature": 0.5,
        "prefix": "So: ",
        "stop_sequence": ".",
    }
    assert sent(transport.request, "STOP") == ["!", "?"]


def test_a_stream_gives_the_new_text_in_pieces() -> None:
    generate, transport = fake("text-generation", pieces, max_new_tokens=5)
    assert list(generate.stream("I", seed=1)) == [" I", "", " am"]
    assert transport.request.parameters == {
        "return_full_text": False,
        "max_new_tokens": 5,
        "seed": 1,
        "stream": True,
    }
    assert list(generate.stream(CHAT)) == [" I", "", " am"]


def test_closing_a_stream_closes_the_transport_s() -> None:
    closed = []

    def endless(request: Request) -> Iterator[Tensors]:
        try:
            while True:
                yield {"GENERATED_TEXT": text("a")}
        finally:
            closed.append(True)

    generate, _ = fake("text-generation", endless)
    stream = generate.stream("I")
    assert next(stream) == "a"
    stream.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_streams_are_for_one_prompt_of_a_task_that_generates() -> None:
    generate, _ = fake("text-generation", pieces)
    with pytest.raises(InvalidInput, match="one prompt"):
        generate.stream(["I", "You"])
    fill, _ = fake("fill-mask", answer)
    with pytest.raises(Unsupported, match="does not stream"):
        fill.stream("a")


@pytest.mark.parametrize(
    ("inputs", "arguments", "message"),
    [
        ("I", {"return_tensors": True}, "token ids"),
        ("I", {"return_type": 0}, "return_full_text"),
        ("I", {"return_full_text": True, "return_text": True}, "mutually exclusive"),
        ("I", {"stream": True}, r"\.stream\("),
        ("I", {"generation_config": object()}, "generation config"),
        ("I", {"eos_token_id": [1, 2]}, "eos_token_id"),
        ([{"role": "user"}], {}, "'content'"),
        ([CHAT, [{"text": "a"}]], {}, "'role'"),
        ([{"role": "user", "content": b"a"}], {}, "JSON"),
        (3, {}, "must be a string"),
    ],
)
def test_refusals(inputs: Any, arguments: dict[str, Any], message: str) -> None:
    generate, _ = fake("text-generation", answer)
    with pytest.raises(InvalidInput, match=message):
        generate(inputs, **arguments)
