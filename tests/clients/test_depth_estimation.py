import numpy as np
import pytest
from PIL import Image

from tests.clients.fake import fake, floats
from triton_pipelines import InvalidInput, images
from triton_pipelines.transport import Request, Tensors

PICTURE = Image.fromarray(np.array([[0, 255, 7], [1, 2, 3]], np.uint8))


def answer(request: Request) -> Tensors:
    rows = len(request.tensors["IMAGE"])
    padded = [[0.5, 1.5, 2.5, 0], [3.5, 4.5, 5.5, 0], [0, 0, 0, 0]]
    return {"PREDICTED_DEPTH": floats(*[padded] * rows), "DEPTH": np.array([[images.png(PICTURE)]] * rows, object)}


def test_depth_is_an_array_and_a_picture_of_one_size() -> None:
    estimate, transport = fake("depth-estimation", answer)
    result = estimate(b"image", timeout=3)
    assert list(result) == ["predicted_depth", "depth"]
    assert result["predicted_depth"].tolist() == [[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]]
    assert result["predicted_depth"].flags.writeable and result["predicted_depth"].base is None
    assert result["depth"].mode == "L" and result["depth"].tobytes() == PICTURE.tobytes()
    assert transport.request.parameters == {}


def test_lists_and_the_dict_of_parameters() -> None:
    estimate, _ = fake("depth-estimation", answer)
    assert len(estimate([b"image", b"image"], parameters={"timeout": 3})) == 2
    assert estimate(images=b"image")["depth"].size == (3, 2)
    with pytest.raises(InvalidInput, match="give an image"):
        estimate()
