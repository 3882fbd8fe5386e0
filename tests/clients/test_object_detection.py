from tests.clients.fake import fake, floats, ints, text
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    """Two boxes in the first picture, none in the others."""
    rows = len(request.tensors["IMAGE"])
    return {
        "LABEL": text(["cat", "dog"], *[["", ""]] * (rows - 1)),
        "SCORE": floats([0.75, 0.5], *[[0, 0]] * (rows - 1)),
        "BOX": ints([[1, 2, 3, 4], [5, 6, 7, 8]], *[[[0] * 4] * 2] * (rows - 1)),
        "COUNT": ints([2], *[[0]] * (rows - 1)),
    }


FOUND = [
    {"score": 0.75, "label": "cat", "box": {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}},
    {"score": 0.5, "label": "dog", "box": {"xmin": 5, "ymin": 6, "xmax": 7, "ymax": 8}},
]


def test_results_have_the_shapes_of_transformers() -> None:
    detect, transport = fake("object-detection", answer)
    assert detect(b"image", threshold=0.25) == FOUND
    assert transport.request.parameters == {"threshold": 0.25}
    assert detect([b"image", b"empty"]) == [FOUND, []]
    assert detect(images=b"image") == FOUND
    assert type(FOUND[0]["box"]["xmin"]) is int  # type: ignore[index]
