"""Image feature extraction: images to the hidden states of a model without a head. Follows
ImageFeatureExtractionPipeline.

Features have two dimensions where the model sees patches, [tokens, hidden], and three where it convolves, [channels,
height, width]: they travel as [first dimension, all others], and SHAPE says what they were.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

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

    def load(self) -> None:
        super().load()
        self.pools = not untrained_pooler(self.model, self.folder)

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        pooled = getattr(outputs, "pooler_output", None) if self.pools else None
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


def untrained_pooler(model: Any, folder: Path) -> bool:
    """Whether the model pools by weights that the checkpoint lacks, as one for classification does: random ones."""
    if not any("pooler." in name for name, _ in model.named_parameters()):
        return False
    files = list(folder.glob("*.safetensors"))
    stored = (name for file in files for name in safe_open(file, "np").keys())  # noqa: SIM118
    return bool(files) and not any("pooler." in name for name in stored)


class Postprocess(Stage):
    """shape [batch, dimensions] to SHAPE. The features themselves go from the model straight to the caller."""

    PARAMETERS = PARAMETERS

    def process(self, request: Request) -> Tensors:
        return {"SHAPE": request.tensors["shape"]}
