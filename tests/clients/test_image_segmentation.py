import numpy as np
from PIL import Image

from tests.clients.fake import fake, floats, ints, text
from triton_pipelines import images
from triton_pipelines.transport import Request, Tensors

MASK = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))


def answer(request: Request) -> Tensors:
    """One segment a row, and padding."""
    rows = len(request.tensors["IMAGE"])
    score = np.nan if request.parameters.get("subtask") == "semantic" else 0.75
    return {
        "LABEL": text(*[["road", ""]] * rows),
        "SCORE": floats(*[[score, 0]] * rows),
        "MASK": np.array([[images.png(MASK), b""]] * rows, object),
        "COUNT": ints(*[[1]] * rows),
    }


def test_segments_have_a_mask_each() -> None:
    segment, transport = fake("image-segmentation", answer)
    (found,) = segment(b"image", threshold=0.5, mask_threshold=0.25, overlap_mask_area_threshold=0.75)
    assert list(found) == ["score", "label", "mask"] and (found["score"], found["label"]) == (0.75, "road")
    assert found["mask"].mode == "L" and found["mask"].tobytes() == MASK.tobytes()
    sent = {"threshold": 0.5, "mask_threshold": 0.25, "overlap_mask_area_threshold": 0.75}
    assert transport.request.parameters == sent


def test_semantic_segments_have_no_score() -> None:
    segment, _ = fake("image-segmentation", answer)
    assert segment(b"image", subtask="semantic")[0]["score"] is None


def test_scores_have_six_digits() -> None:
    """As in the pipeline: 0.9123456, which FP32 does not hold exactly, is 0.912346."""
    segment, _ = fake("image-segmentation", lambda request: {**answer(request), "SCORE": floats([0.9123456, 0])})
    assert segment(b"image")[0]["score"] == 0.912346


def test_arguments_are_those_of_the_pipeline() -> None:
    segment, transport = fake("image-segmentation", answer, threshold=0.25)
    segment(images=b"image", subtask=None, timeout=5)
    assert transport.request.parameters == {"threshold": 0.25}
    assert len(segment([b"one", b"two"])) == 2
    ((found,),) = segment(iter([b"one"]))
    assert found["label"] == "road"


def test_nothing_found_is_an_empty_list() -> None:
    def nothing(request: Request) -> Tensors:
        none = np.empty((1, 0), object)
        return {"LABEL": none, "SCORE": floats([]).reshape(1, 0), "MASK": none, "COUNT": ints([0])}

    segment, _ = fake("image-segmentation", nothing)
    assert segment(b"image") == []
