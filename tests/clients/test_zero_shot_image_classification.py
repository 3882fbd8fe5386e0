import pytest

from tests.clients.fake import fake, floats, ints, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    rows = len(request.tensors["IMAGE"])
    return {
        "LABEL": text(*[["dog", "cat"]] * rows),
        "SCORE": floats(*[[0.75, 0.25]] * rows),
        "COUNT": ints(*[[2]] * rows),
    }


FOUND = [{"score": 0.75, "label": "dog"}, {"score": 0.25, "label": "cat"}]


def test_labels_go_with_each_image() -> None:
    classify, transport = fake("zero-shot-image-classification", answer)
    assert classify(b"image", candidate_labels=["cat", "dog"], hypothesis_template="A {}.") == FOUND
    assert sent(transport.request, "CANDIDATE_LABELS") == [["cat", "dog"]]
    assert transport.request.parameters == {"hypothesis_template": "A {}."}
    assert classify([b"image", b"image"], candidate_labels="cat, dog") == [FOUND, FOUND]
    assert sent(transport.requests[1], "CANDIDATE_LABELS") == [["cat", "dog"]] * 2
    assert classify(image=b"image", candidate_labels=["cat"]) == classify(images=b"image", candidate_labels=["cat"])


def test_arguments_of_the_tokenizer() -> None:
    classify, transport = fake("zero-shot-image-classification", answer)
    with pytest.warns(FutureWarning, match="tokenizer_kwargs"):
        classify(b"image", candidate_labels=["cat"], tokenizer_kwargs={"truncation": True, "max_length": 5})
    assert transport.request.parameters == {"truncation": True, "max_length": 5}


@pytest.mark.parametrize("labels", [None, [], "", ["cat", ""]])
def test_labels_that_are_none(labels: object) -> None:
    classify, transport = fake("zero-shot-image-classification", answer)
    with pytest.raises(InvalidInput, match="label"):
        classify(b"image", candidate_labels=labels)
    assert not transport.requests
