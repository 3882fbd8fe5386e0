import numpy as np
import pytest
from PIL import Image

from tests.clients.fake import fake, floats, ints
from triton_pipelines import images
from triton_pipelines.tasks.mask_generation import run_lengths
from triton_pipelines.transport import Request, Tensors

MASK = np.array([[True, False, False], [True, True, False]])


def answer(request: Request) -> Tensors:
    return {
        "MASK": np.array([[images.png(Image.fromarray(MASK)), b""]], object),
        "SCORE": floats([0.75, 0]),
        "BOX": ints([[0, 0, 1, 1], [0, 0, 0, 0]]),
        "COUNT": ints([1]),
    }


def test_masks_are_arrays() -> None:
    generate, transport = fake("mask-generation", answer)
    result = generate(b"image", points_per_batch=None, crops_n_layers=1)
    assert list(result) == ["masks", "scores"] and result["scores"].tolist() == [0.75]
    assert result["masks"][0].dtype == bool and result["masks"][0].tolist() == MASK.tolist()
    assert all(array.flags.writeable for array in (*result["masks"], result["scores"]))
    assert transport.request.parameters == {"points_per_batch": "null", "crops_n_layers": 1}


def test_boxes_and_lengths_of_runs_on_request() -> None:
    generate, transport = fake("mask-generation", answer)
    result = generate(b"image", output_rle_mask=True, output_bboxes_mask=True)
    assert result["rle_mask"] == [{"size": [2, 3], "counts": [0, 2, 1, 1, 2]}]
    assert result["bounding_boxes"].tolist() == [[0, 0, 1, 1]] and result["bounding_boxes"].dtype == np.int64
    assert transport.request.parameters == {}


@pytest.mark.parametrize(
    ("mask", "counts"), [(np.zeros((2, 2), bool), [4]), (np.ones((2, 2), bool), [0, 4]), (MASK[:, 1:], [1, 1, 2])]
)
def test_lengths_of_runs_begin_outside_of_the_mask(mask: np.ndarray, counts: list[int]) -> None:
    assert run_lengths(mask) == {"size": list(mask.shape), "counts": counts}
