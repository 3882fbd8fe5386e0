import numpy as np
import pytest
from PIL import Image

from tests.clients.fake import fake
from triton_pipelines import InvalidInput, images
from triton_pipelines.transport import Request, Tensors

LARGE = Image.new("RGB", (4, 2), (1, 2, 3))


def answer(request: Request) -> Tensors:
    return {"OUTPUT_IMAGE": np.array([[images.png(LARGE)]] * len(request.tensors["IMAGE"]), object)}


def test_one_image_gives_one_and_a_list_a_list() -> None:
    upscale, _ = fake("image-to-image", answer)
    one, (two, three) = upscale(b"image"), upscale([b"image", b"image"])
    for result in (one, two, three):
        assert isinstance(result, Image.Image) and result.tobytes() == LARGE.tobytes()


def test_head_masks_are_refused() -> None:
    upscale, _ = fake("image-to-image", answer)
    with pytest.raises(InvalidInput, match="head_mask"):
        upscale(b"image", head_mask=[1])
