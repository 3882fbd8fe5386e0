import numpy as np
from PIL import Image

from tests.clients.fake import fake, floats, ints, text
from triton_pipelines import images
from triton_pipelines.transport import Request, Tensors

MASK = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))


def answer(request: Request) -> Tensors:
    """One segment, and padding."""
    return {
        "LABEL": text(["road", ""]),
        "SCORE": floats([np.nan if request.parameters.get("subtask") == "semantic" else 0.75, 0]),
        "MASK": np.array([[images.png(MASK), b""]], object),
        "COUNT": ints([1]),
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
