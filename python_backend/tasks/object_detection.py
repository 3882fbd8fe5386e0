"""Object detection: images to labelled boxes. Follows ObjectDetectionPipeline, which also takes models that label the
words of a document (LayoutLMv3): their boxes are those of the tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from python_backend import images
from python_backend.checkpoint import read_json
from python_backend.detection import LabelPostprocess, above, boxes, target_sizes
from python_backend.forward import ImageForward, Pass
from python_backend.parameters import Float, Parameters
from python_backend.stage import Request, Tensors
from python_backend.token_boxes import WordReader, labels_tokens

PARAMETERS = Parameters(Float("threshold", default=0.5, doc="The score that a box must exceed."))


class Preprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] to pixel_values [batch, channels, height, width] and pixel_mask [batch, height, width], with
    pixel_size and target_size [batch, 2]; or, for models that label tokens, to input_ids and attention_mask [batch,
    tokens] and bbox [batch, tokens, 4]. What the model does not take is empty."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        words = labels_tokens(read_json(self.folder, "config.json"))
        self.words = WordReader(self.folder, self.processor) if words else None

    def process(self, request: Request) -> Tensors:
        count = len(request.tensors["IMAGE"])
        empty = np.zeros((count, 0), np.int64)
        if self.words is None:
            tokens = {"input_ids": empty, "attention_mask": empty, "bbox": empty.reshape(count, 0, 1).repeat(4, axis=2)}
            return {**super().process(request), **tokens}
        pictures = [self.decode(data) for data in request.tensors["IMAGE"].ravel()]
        return {
            **self.words(pictures),
            "pixel_values": np.zeros((count, 0, 0, 0), np.float32),
            "pixel_mask": np.zeros((count, 0, 0), np.uint8),
            "pixel_size": np.zeros((count, 2), np.int32),
            "target_size": np.array([(picture.height, picture.width) for picture in pictures]),
        }


class Model(ImageForward):
    """pixel_values to the boxes above the threshold, in the model's order: scores [batch, n] FP32, labels [batch, n]
    INT32, boxes [batch, n, 4] INT32 (xmin, ymin, xmax, ymax in pixels of the picture), count [batch, 1] of them.

    What makes boxes of a model's outputs is the checkpoint's own image processor; a token has the box of its word.
    """

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForObjectDetection"

    def load(self) -> None:
        self.labels_tokens = labels_tokens(read_json(self.folder, "config.json"))
        if self.labels_tokens:
            self.auto_class = "AutoModelForTokenClassification"  # type: ignore[misc]
        super().load()
        self.processor = images.processor(self.folder)

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        thresholds = [request.parameters["threshold"] for request, _ in batch.origins]
        if self.labels_tokens:
            tokens = self.tokens(outputs, batch)
            return boxes([above(one, threshold) for one, threshold in zip(tokens, thresholds, strict=True)])
        found = self.processor.post_process_object_detection(
            outputs, min(thresholds), target_sizes(batch, self.model.device)
        )
        return boxes([above(one, threshold) for one, threshold in zip(found, thresholds, strict=True)])

    def tokens(self, outputs: Any, batch: Pass) -> Iterator[dict[str, Any]]:
        """Score, label and box of each token of each row."""
        scores, labels = outputs.logits.float().softmax(dim=-1).max(dim=-1)
        thousandths = self.to_device(batch.inputs["bbox"])
        sizes = target_sizes(batch, self.model.device)
        for row, length in enumerate(batch.lengths):
            height, width = sizes[row]
            corners = (thousandths[row, :length].double() * sizes.new_tensor([width, height] * 2) / 1000).float()
            yield {"scores": scores[row, :length], "labels": labels[row, :length], "boxes": corners}


class Postprocess(LabelPostprocess):
    """labels [batch, n] and count [batch, 1] to LABEL [batch, n]. The rest goes from the model straight to the
    caller."""

    PARAMETERS = PARAMETERS
