"""Object detection: images to labelled boxes. Follows ObjectDetectionPipeline."""

from __future__ import annotations

from typing import Any

import numpy as np

from python_backend import images
from python_backend.detection import LabelPostprocess, above, boxes, target_sizes
from python_backend.forward import ImageForward, Pass
from python_backend.parameters import Float, Parameters

PARAMETERS = Parameters(Float("threshold", default=0.5, doc="The score that a box must exceed."))


class Preprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] to pixel_values [batch, channels, height, width] and pixel_mask [batch, height, width], with
    pixel_size and target_size [batch, 2]."""

    PARAMETERS = PARAMETERS


class Model(ImageForward):
    """pixel_values to the boxes above the threshold, in the model's order: scores [batch, n] FP32, labels [batch, n]
    INT32, boxes [batch, n, 4] INT32 (xmin, ymin, xmax, ymax in pixels of the picture), count [batch, 1] of them.

    What makes boxes of a model's outputs is the checkpoint's own image processor.
    """

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForObjectDetection"

    def load(self) -> None:
        super().load()
        self.processor = images.processor(self.folder)

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        thresholds = [request.parameters["threshold"] for request, _ in batch.origins]
        found = self.processor.post_process_object_detection(
            outputs, min(thresholds), target_sizes(batch, self.model.device)
        )
        return boxes([above(one, threshold) for one, threshold in zip(found, thresholds, strict=True)])


class Postprocess(LabelPostprocess):
    """labels [batch, n] and count [batch, 1] to LABEL [batch, n]. The rest goes from the model straight to the
    caller."""

    PARAMETERS = PARAMETERS
