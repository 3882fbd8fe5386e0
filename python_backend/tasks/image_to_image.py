"""Image to image: images to larger, sharper or cleaner ones. Follows ImageToImagePipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from python_backend import images
from python_backend.forward import ImageForward, Pass, to_numpy
from python_backend.parameters import Parameters
from python_backend.stage import Request, Stage, Tensors

PARAMETERS = Parameters()


class Preprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] to pixel_values [batch, channels, height, width] and pixel_size [batch, 2]."""

    PARAMETERS = PARAMETERS


class Model(ImageForward):
    """pixel_values to reconstruction [batch, height, width, channels] UINT8, padded with zeros, and reconstruction_size
    [batch, 2], height and width of each row's. The processor's own padding of a picture stays, as in the pipeline."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForImageToImage"

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        pixels = outputs.reconstruction.float().clamp(0, 1).mul(255).round().byte()
        pictures = list(to_numpy(pixels.permute(0, 2, 3, 1)))
        return {
            "reconstruction": pictures,
            "reconstruction_size": [np.array(picture.shape[:2], np.int32) for picture in pictures],
        }


class Postprocess(Stage):
    """reconstruction [batch, height, width, channels] and reconstruction_size [batch, 2] to OUTPUT_IMAGE
    [batch, 1], PNG files."""

    PARAMETERS = PARAMETERS

    def process(self, request: Request) -> Tensors:
        sizes = request.tensors["reconstruction_size"]
        files = []
        for pixels, (height, width) in zip(request.tensors["reconstruction"], sizes, strict=True):
            pixels = pixels[:height, :width]
            files.append([images.png(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))])
        return {"OUTPUT_IMAGE": np.array(files, object)}
