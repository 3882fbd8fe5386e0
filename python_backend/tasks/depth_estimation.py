"""Depth estimation: images to the depth of each pixel. Follows DepthEstimationPipeline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from python_backend import images
from python_backend.forward import ImageForward, Pass, to_numpy
from python_backend.parameters import Parameters
from python_backend.stage import Request, Stage, Tensors

if TYPE_CHECKING:
    import torch

PARAMETERS = Parameters()


class Preprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] to pixel_values [batch, channels, height, width], pixel_size and target_size [batch, 2]."""

    PARAMETERS = PARAMETERS


class Model(ImageForward):
    """pixel_values to predicted_depth [batch, height, width] FP32 in the sizes of the pictures, padded with zeros, and
    depth_size [batch, 2], height and width of each row's."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForDepthEstimation"

    def load(self) -> None:
        super().load()
        processor = images.processor(self.folder)
        zoe = type(processor).__name__.startswith("ZoeDepth")
        zoe_resize = partial(without_padding, padded=bool(getattr(processor, "do_pad", True)))
        self.resize = zoe_resize if zoe else processor.post_process_depth_estimation

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        sizes = [request.tensors["target_size"][row].tolist() for request, row in batch.origins]
        outputs.predicted_depth = outputs.predicted_depth.float()
        depths = [to_numpy(one["predicted_depth"]) for one in self.resize(outputs, sizes)]
        return {"predicted_depth": depths, "depth_size": [np.array(depth.shape, np.int32) for depth in depths]}


def without_padding(outputs: Any, sizes: Sequence[Sequence[int]], padded: bool) -> list[dict[str, torch.Tensor]]:
    """post_process_depth_estimation of ZoeDepthImageProcessor with the sizes of the pictures, as of 4.48: scaled to the
    size with the border that the processor put around (where `padded`), which is then cut off. That of 5.23 asks
    for torchvision."""
    from torch.nn.functional import interpolate

    depths = []
    for depth, (height, width) in zip(outputs.predicted_depth, sizes, strict=True):
        rows, columns = (int(np.sqrt(side / 2) * 3) if padded else 0 for side in (height, width))
        bordered = (height + 2 * rows, width + 2 * columns)
        scaled = interpolate(depth[None, None], size=bordered, mode="bicubic", align_corners=False)
        depths.append({"predicted_depth": scaled[0, 0, rows : rows + height, columns : columns + width]})
    return depths


class Postprocess(Stage):
    """predicted_depth [batch, height, width] and depth_size [batch, 2] to DEPTH [batch, 1], PNG files of mode L: 0 for
    a picture's smallest value, 255 for its largest."""

    PARAMETERS = PARAMETERS

    def process(self, request: Request) -> Tensors:
        sizes = request.tensors["depth_size"]
        depths = (
            depth[:height, :width]
            for depth, (height, width) in zip(request.tensors["predicted_depth"], sizes, strict=True)
        )
        return {"DEPTH": np.array([[images.png(picture(depth))] for depth in depths], object)}


def picture(depth: np.ndarray) -> Image.Image:
    """[height, width] FP32 as shades of grey; all black where it is the same everywhere."""
    lowest, highest = depth.min(), depth.max()
    scaled = (depth - lowest) / (highest - lowest) if highest > lowest else np.zeros_like(depth)
    return Image.fromarray((scaled * 255).astype(np.uint8))
