from typing import Any

import pytest

from triton_pipelines import InvalidInput, chat

TEXT = {"type": "text", "text": "What?"}


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def test_images_are_found_in_every_turn_and_in_order() -> None:
    messages = chat.read(
        [
            user({"type": "image", "path": "a.png"}, TEXT, {"type": "image"}),
            {"role": "assistant", "content": "A hat."},
            user({"type": "image_url", "image_url": {"url": "https://b"}}, {"type": "image", "base64": "c"}),
        ]
    )
    assert chat.images_of(messages, ["beside"]) == ["a.png", "beside", "https://b", "c"]


@pytest.mark.parametrize("beside", [[], ["a", "b"]])
def test_images_and_their_places_are_as_many(beside: list[str]) -> None:
    with pytest.raises(InvalidInput, match="number of images"):
        chat.images_of(chat.read([user({"type": "image"})]), beside)


def test_the_callers_messages_stay_as_they_are() -> None:
    given = [user({"type": "image_url", "image_url": {"url": "https://b"}})]
    assert chat.read(given)[0]["content"] == [{"type": "image", "image": "https://b"}]
    assert given == [user({"type": "image_url", "image_url": {"url": "https://b"}})]


def test_images_are_left_out_of_the_json() -> None:
    messages = chat.read([user({"type": "image", "image": object()}, TEXT)])
    sent = '[{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}]'
    assert chat.to_json(messages) == sent
    with pytest.raises(InvalidInput, match="plain JSON"):
        chat.to_json([user({"type": "text", "text": object()})])


def test_parts_of_text_become_a_string_for_models_of_text() -> None:
    assert chat.as_text([user(TEXT, {"type": "text", "text": " Who?"})]) == [{"role": "user", "content": "What? Who?"}]
    with pytest.raises(InvalidInput, match="text alone"):
        chat.as_text([user({"type": "image"})])


@pytest.mark.parametrize(
    ("last", "continues", "expected"),
    [
        (user(TEXT), None, [user(TEXT), {"role": "assistant", "content": "!"}]),
        (user(TEXT), True, [user({**TEXT, "text": "What?!"})]),
        ({"role": "assistant", "content": "A"}, None, [{"role": "assistant", "content": "A!"}]),
        (
            {"role": "assistant", "content": "A"},
            False,
            [{"role": "assistant", "content": "A"}, {"role": "assistant", "content": "!"}],
        ),
    ],
)
def test_answers_go_into_the_chat(last: dict[str, Any], continues: bool | None, expected: list[dict[str, Any]]) -> None:
    assert chat.answered([last], "!", continues) == expected


def test_a_message_that_ends_with_an_image_cannot_be_continued() -> None:
    with pytest.raises(InvalidInput, match="continue_final_message=False"):
        chat.answered([user({"type": "image"})], "!", True)


@pytest.mark.parametrize("messages", [[], [{"role": "user"}], ["text"], [{"content": "a"}]])
def test_what_is_no_chat_is_refused(messages: Any) -> None:
    with pytest.raises(InvalidInput, match="'role' and a 'content'"):
        chat.read(messages)


def test_an_image_url_needs_its_url() -> None:
    with pytest.raises(InvalidInput, match="image_url"):
        chat.read([user({"type": "image_url", "image_url": "https://b"})])
