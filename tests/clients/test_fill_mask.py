from typing import Any

import pytest

from tests.clients.fake import fake, floats, ints, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    """Two words for each of a text's masks; texts of a batch have different numbers of masks."""
    texts = [row[0] for row in sent(request, "TEXT")]
    masks = max(each.count("_") for each in texts)
    return {
        "SCORE": floats(*[[[0.5, 0.25]] * masks] * len(texts)),
        "TOKEN": ints(*[[[7, 8]] * masks] * len(texts)),
        "TOKEN_STR": text(*[[["x", "y"]] * masks] * len(texts)),
        "SEQUENCE": text(*[[[f"{each}x", f"{each}y"]] * masks for each in texts]),
        "COUNT": ints(*[[each.count("_")] for each in texts]),
    }


def words(sequence: str) -> list[dict[str, Any]]:
    return [
        {"score": 0.5, "token": 7, "token_str": "x", "sequence": f"{sequence}x"},
        {"score": 0.25, "token": 8, "token_str": "y", "sequence": f"{sequence}y"},
    ]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("_", words("_")),
        (["_"], words("_")),
        ("_ _", [words("_ _"), words("_ _")]),
        (["_ _"], [words("_ _"), words("_ _")]),
        (["a_", "b_"], [words("a_"), words("b_")]),
        (["_", "_ _"], [words("_"), [words("_ _"), words("_ _")]]),
        ([], []),
    ],
)
def test_results_have_the_shapes_of_transformers(inputs: Any, expected: Any) -> None:
    fill, _ = fake("fill-mask", answer)
    assert fill(inputs) == expected


def test_the_keys_are_in_the_order_of_transformers() -> None:
    fill, _ = fake("fill-mask", answer)
    assert list(fill("_")[0]) == ["score", "token", "token_str", "sequence"]


@pytest.mark.parametrize(("targets", "tensor"), [("cat", ["cat"]), (["cat", " dog"], ["cat", " dog"])])
def test_targets_are_a_tensor_of_every_row(targets: Any, tensor: list[str]) -> None:
    fill, transport = fake("fill-mask", answer)
    fill(["a_", "b_"], targets=targets, top_k=2)
    assert sent(transport.request, "TARGETS") == [tensor, tensor]
    assert transport.request.parameters == {"top_k": 2}


def test_targets_of_the_constructor_are_defaults() -> None:
    fill, transport = fake("fill-mask", answer, targets="cat")
    fill("_")
    fill("_", targets="dog")
    assert [sent(request, "TARGETS") for request in transport.requests] == [[["cat"]], [["dog"]]]


def test_tokenizer_arguments_are_parameters() -> None:
    fill, transport = fake("fill-mask", answer)
    fill("_", tokenizer_kwargs={"truncation": True, "max_length": 8, "padding": True})
    assert transport.request.parameters == {"truncation": True, "max_length": 8}
    with pytest.raises(InvalidInput, match="padding='max_length'"):
        fill("_", tokenizer_kwargs={"padding": "max_length"})


def test_no_targets_are_refused() -> None:
    fill, _ = fake("fill-mask", answer)
    with pytest.raises(InvalidInput, match="At least one target"):
        fill("_", targets=[])
    with pytest.raises(InvalidInput, match="targets must be a string"):
        fill("_", targets=3)
