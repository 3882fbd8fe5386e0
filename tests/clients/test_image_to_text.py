from typing import Any

import numpy as np
import pytest

from tests.clients.fake import fake, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    """Two texts for each picture."""
    return {"GENERATED_TEXT": text(*[["a cat", "two cats"]] * len(request.tensors["IMAGE"]))}


WRITTEN = [{"generated_text": "a cat"}, {"generated_text": "two cats"}]


def test_results_have_the_shapes_of_transformers() -> None:
    describe, _ = fake("image-to-text", answer)
    assert describe(b"image") == WRITTEN
    assert describe([b"image", b"other"]) == [WRITTEN, WRITTEN]
    assert describe(images=b"image") == WRITTEN
    assert list(describe(image for image in [b"image"])) == [WRITTEN]


def test_arguments_become_parameters_and_the_prompt_a_tensor() -> None:
    describe, transport = fake("image-to-text", answer)
    describe([b"image", b"other"], max_new_tokens=5, prompt="a photo", generate_kwargs={"num_beams": np.int64(2)})
    assert transport.request.parameters == {"num_beams": 2, "max_new_tokens": 5}
    assert sent(transport.request, "PROMPT") == [["a photo"], ["a photo"]]


def test_without_a_prompt_none_is_sent() -> None:
    describe, transport = fake("image-to-text", answer)
    describe(b"image")
    assert set(transport.request.tensors) == {"IMAGE"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_new_tokens": 5, "generate_kwargs": {"max_new_tokens": 6}}, "defined both"),
        ({"prompt": 5}, "the prompt must be a string"),
        ({"streamer": object()}, "streamer"),
        ({"top_k": [1]}, "top_k"),
    ],
)
def test_what_cannot_be_sent_is_refused(arguments: dict[str, Any], message: str) -> None:
    describe, transport = fake("image-to-text", answer)
    with pytest.raises(InvalidInput, match=message):
        describe(b"image", **arguments)
    assert not transport.requests
