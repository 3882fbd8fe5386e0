"""Image feature extraction: images to the hidden states of a model without a head. Follows
ImageFeatureExtractionPipeline.

Features have two dimensions where the model sees patches, [tokens, hidden], and three where it convolves, [channels,
height, width]: they travel as [first dimension, all others], and SHAPE says what they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from python_backend.forward import ImageForward, Pass, to_numpy
from python_backend.images import ImagePreprocess
from python_backend.parameters import Bool, InvalidInput, Parameters
from python_backend.stage import Request, Stage, Tensors

PARAMETERS = Parameters(
    Bool("pool", default=False, doc="The pooled output of models that have one, rather than the hidden states."),
)


class Preprocess(ImagePreprocess):
    """IMAGE [batch, 1] to pixel_values [batch, channels, height, width] and pixel_size [batch, 2]."""

    PARAMETERS = PARAMETERS


class Model(ImageForward):
    """pixel_values to features [batch, a, b] FP32, padded with zeros, and the shape [batch, dimensions] of each row's:
    those of the model's first output, or of its pooled one."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModel"

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        pooled = getattr(outputs, "pooler_output", None)
        if pooled is None and any(request.parameters["pool"] for request, _ in batch.origins):
            raise InvalidInput("pool: this model has no pooled output; leave it out.")
        hidden = to_numpy(outputs[0])
        vectors = None if pooled is None else to_numpy(pooled)
        features = [
            vectors[at] if vectors is not None and request.parameters["pool"] else hidden[at]
            for at, (request, _) in enumerate(batch.origins)
        ]
        return {
            "features": [array.reshape(1 if array.ndim < 2 else len(array), -1) for array in features],
            "shape": [np.array(array.shape, np.int32) for array in features],
        }


class Postprocess(Stage):
    """shape [batch, dimensions] to SHAPE. The features themselves go from the model straight to the caller."""

    PARAMETERS = PARAMETERS

    def process(self, request: Request) -> Tensors:
        return {"SHAPE": request.tensors["shape"]}
