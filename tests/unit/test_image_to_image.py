"""Image to image: pictures in their own sizes, whoever shares the batch."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from python_backend.stage import Request, Tensors
from python_backend.tasks.image_to_image import Postprocess
from tests.unit.ensemble import Ensemble, text
from tests.unit.pictures import TALL, TINY, check_batches


@pytest.mark.parametrize(("name", "scale"), [("swin2sr", 2), ("swin2sr_x4", 4)])
def test_pictures_become_larger_whoever_shares_the_batch(checkpoints: Path, name: str, scale: int) -> None:
    upscale = Ensemble("image_to_image", checkpoints / f"image_to_image_{name}")
    check_batches(upscale, (TINY, TALL))
    files = upscale({"IMAGE": text(TINY, TALL)})["OUTPUT_IMAGE"]
    sizes = [Image.open(io.BytesIO(file)).size for file in files.ravel()]
    # The processor pads sides to the next multiple of 8.
    assert sizes == [(40 * scale, 32 * scale), (24 * scale, 32 * scale)]


def test_one_channel_is_a_grey_picture() -> None:
    tensors: Tensors = {
        "reconstruction": np.array([[[[7], [8]], [[0], [0]]]], np.uint8),
        "reconstruction_size": np.array([[1, 2]], np.int32),
    }
    picture = Image.open(io.BytesIO(Postprocess().process(Request(tensors, {}))["OUTPUT_IMAGE"][0, 0]))
    assert picture.mode == "L" and np.asarray(picture).tolist() == [[7, 8]]
