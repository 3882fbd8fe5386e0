from pathlib import Path

import pytest
from PIL import Image

from tests.clients.fake import fake, floats, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    rows = len(request.tensors["IMAGE"])
    return {"LABEL": text(*[["cat", "dog"]] * rows), "SCORE": floats(*[[0.5, 0.25]] * rows)}


RESULT = [{"label": "cat", "score": 0.5}, {"label": "dog", "score": 0.25}]


def test_results_have_the_shapes_of_transformers() -> None:
    classify, transport = fake("image-classification", answer)
    image = Image.new("RGB", (2, 2))
    assert classify(image) == RESULT
    assert classify(images=image) == RESULT
    assert classify([b"bytes of an image"]) == [RESULT]
    assert list(classify(iter([image, image]))) == [RESULT, RESULT]
    assert list(classify(image)[0]) == ["label", "score"]
    assert transport.requests[2].tensors["IMAGE"].tolist() == [[b"bytes of an image"]]


def test_a_string_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"encoded")
    classify, transport = fake("image-classification", answer)
    classify(str(tmp_path / "cat.jpg"))
    classify(tmp_path / "cat.jpg")
    assert [request.tensors["IMAGE"].item() for request in transport.requests] == [b"encoded", b"encoded"]


def test_parameters() -> None:
    classify, transport = fake("image-classification", answer, top_k=3)
    classify(b"image", top_k=None, function_to_apply="Softmax", timeout=5)
    assert transport.request.parameters == {"top_k": 3, "function_to_apply": "softmax"}


def test_refusals() -> None:
    classify, _ = fake("image-classification", answer)
    with pytest.raises(InvalidInput, match="give an image"):
        classify()
    with pytest.raises(InvalidInput, match="valid path") as refused:
        list(classify(iter([b"image", "no/such/file.jpg"])))
    assert refused.value.item == 1
