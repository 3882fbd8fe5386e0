import numpy as np
import pytest

from tests.clients.fake import fake, ints, sent
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    """A vector a letter, padded with 9; one vector a text where pooling is asked for."""
    lengths = [len(row[0]) for row in sent(request, "TEXT")]
    if request.parameters.get("pooling", "null") != "null":
        lengths = [1] * len(lengths)
    features = np.full((len(lengths), max(lengths), 2), 9, np.float32)
    for row, length in enumerate(lengths):
        features[row, :length] = [row, length]
    return {"FEATURES": features, "LENGTH": ints(*[[length] for length in lengths])}


def test_features_are_nested_lists_without_padding() -> None:
    extract, _ = fake("feature-extraction", answer)
    assert extract("ab") == [[[0.0, 2.0], [0.0, 2.0]]]
    assert extract(["ab", "c"]) == [[[[0.0, 2.0], [0.0, 2.0]]], [[[1.0, 1.0]]]]
    assert extract(["c"]) == [[[[0.0, 1.0]]]]


def test_tensors_are_arrays_of_the_caller() -> None:
    extract, _ = fake("feature-extraction", answer, return_tensors=True)
    first, second = extract(["ab", "c"])
    assert (first.shape, second.shape, first.dtype) == ((1, 2, 2), (1, 1, 2), np.float32)
    assert first.flags.writeable and first.base is None


def test_pooling_gives_one_vector_a_text() -> None:
    extract, transport = fake("feature-extraction", answer, pooling="mean", normalize=True)
    assert extract(["ab", "c"]) == [[0.0, 1.0], [1.0, 1.0]]
    assert extract("ab", return_tensors=True).shape == (2,)
    assert extract("ab", pooling=None) == [[[0.0, 2.0], [0.0, 2.0]]]
    assert transport.requests[0].parameters == {"pooling": "mean", "normalize": True}


def test_tokenizer_arguments_are_parameters() -> None:
    extract, transport = fake("feature-extraction", answer)
    arguments = {"max_length": 4, "padding": True}
    extract("a", truncation=True, tokenize_kwargs=arguments)
    assert transport.request.parameters == {"max_length": 4, "truncation": True}
    assert arguments == {"max_length": 4, "padding": True}
    with pytest.raises(InvalidInput, match="truncation is given twice"):
        extract("a", truncation=True, tokenize_kwargs={"truncation": True})
