import pytest

from tests.clients.fake import fake, floats, ints, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    return {"LABEL": text(["cat"]), "SCORE": floats([0.75]), "BOX": ints([[1, 2, 3, 4]]), "COUNT": ints([1])}


FOUND = [{"score": 0.75, "label": "cat", "box": {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}}]


def test_an_image_and_its_labels() -> None:
    detect, transport = fake("zero-shot-object-detection", answer)
    assert detect(b"image", candidate_labels=["cat", "dog"], threshold=0.5, top_k=3) == FOUND
    assert detect(b"image", "cat,dog,") == detect(image=b"image", text_queries=["cat", "dog"]) == FOUND
    assert detect({"image": b"image", "candidate_labels": ["cat", "dog"]}) == FOUND
    assert transport.requests[0].parameters == {"threshold": 0.5, "top_k": 3}
    assert all(sent(request, "CANDIDATE_LABELS") == [["cat", "dog"]] for request in transport.requests)


def test_spaces_in_a_string_of_labels_stay_as_in_the_pipeline() -> None:
    detect, transport = fake("zero-shot-object-detection", answer)
    detect(b"image", "cat, black dog")
    assert sent(transport.request, "CANDIDATE_LABELS") == [["cat", " black dog"]]


def test_many_images_have_labels_of_their_own() -> None:
    detect, transport = fake("zero-shot-object-detection", answer)
    pairs = [{"image": b"one", "candidate_labels": ["cat"]}, {"image": b"two", "candidate_labels": ["dog", "cow"]}]
    assert detect(pairs) == [FOUND, FOUND]
    assert detect([b"one", b"two"], candidate_labels=[["cat"], ["dog", "cow"]]) == [FOUND, FOUND]
    assert list(detect(iter(pairs))) == [FOUND, FOUND]
    sizes = sorted(len(sent(request, "CANDIDATE_LABELS")[0]) for request in transport.requests)
    assert sizes == [1, 1, 1, 2, 2, 2]


def test_a_string_of_labels_is_for_all_images() -> None:
    detect, transport = fake("zero-shot-object-detection", answer)
    assert detect([b"one", b"two"], candidate_labels="cat,dog") == [FOUND, FOUND]
    assert [sent(request, "CANDIDATE_LABELS") for request in transport.requests] == [[["cat", "dog"]]] * 2


def test_labels_of_the_constructor_are_defaults() -> None:
    detect, transport = fake("zero-shot-object-detection", answer, candidate_labels="cat,dog")
    detect(b"image")
    detect({"image": b"image", "candidate_labels": ["cow"]})
    assert list(detect(iter([b"image"]), candidate_labels=["pig"])) == [FOUND]
    labels = [sent(request, "CANDIDATE_LABELS") for request in transport.requests]
    assert labels == [[["cat", "dog"]], [["cow"]], [["pig"]]]


def test_no_image_is_dropped_for_want_of_labels() -> None:
    detect, transport = fake("zero-shot-object-detection", answer)
    with pytest.raises(InvalidInput, match="3 images but 2 lists of candidate_labels"):
        detect([b"one", b"two", b"three"], candidate_labels=["cat", "dog"])
    assert not transport.requests


@pytest.mark.parametrize("item", [b"image", {"image": b"image"}, {"candidate_labels": ["cat"]}, None])
def test_what_lacks_an_image_or_labels(item: object) -> None:
    detect, transport = fake("zero-shot-object-detection", answer)
    with pytest.raises(InvalidInput):
        detect(item)
    assert not transport.requests
