"""Zero-shot object detection: images to boxes with labels of the caller's own. Follows
ZeroShotObjectDetectionPipeline, which runs the model anew for each label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from python_backend import candidate_labels, images
from python_backend.forward import to_numpy
from python_backend.labelled_images import LabelledImageForward, LabelledImagePreprocess, Row
from python_backend.parameters import Float, Int, Parameters
from python_backend.stage import Request, Stage, Tensors

PARAMETERS = Parameters(
    Float("threshold", default=0.1, doc="The score that a box must exceed."),
    Int("top_k", minimum=0, doc="How many boxes to return, best first; null or 0: all."),
)


class Preprocess(LabelledImagePreprocess):
    """IMAGE [batch, 1] and CANDIDATE_LABELS [batch, labels] to pixels and the token ids of each label.

    Settings: those of LabelledImagePreprocess. In config.pbtxt max_candidate_labels is 100: each label takes a
    pass of its own, but with OWL-ViT and OWLv2.
    """

    PARAMETERS = PARAMETERS


class Model(LabelledImageForward):
    """Pixels and token ids to the boxes above the threshold, best first and no more than top_k: scores [batch, n] FP32,
    labels [batch, n] INT32 (places in CANDIDATE_LABELS without its padding), boxes [batch, n, 4] INT32, count [batch,
    1] of them."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForZeroShotObjectDetection"

    def load(self) -> None:
        super().load()
        self.processor = images.processor(self.folder)
        # OWL compares each text with the image by itself: all labels in one pass give what they give alone.
        self.together = self.model.config.model_type in ("owlvit", "owlv2")

    def forward_rows(self, rows: Sequence[Row]) -> list[dict[str, np.ndarray]]:
        import torch

        sizes = torch.tensor([row.request.tensors["target_size"][row.number].tolist() for row in rows])
        thresholds = [row.request.parameters["threshold"] for row in rows]
        found: list[list[dict[str, Any]]] = [[] for _ in rows]
        for outputs in self.by_label(rows):
            pictures = self.processor.post_process_object_detection(
                outputs, min(thresholds), sizes.to(self.model.device)
            )
            for boxes, picture in zip(found, pictures, strict=True):
                boxes.append(picture)
        return [
            best(boxes, threshold, row.request.parameters["top_k"])
            for boxes, threshold, row in zip(found, thresholds, rows, strict=True)
        ]

    def by_label(self, rows: Sequence[Row]) -> Iterator[Any]:
        """The model's outputs for each label alone, for all rows."""
        image = self.image_inputs(rows)
        ids, lengths = rows[0].ids, rows[0].lengths
        if self.together:
            times = (len(rows), 1)
            outputs = self.model(**self.text_inputs(np.tile(ids, times), np.tile(lengths, len(rows))), **image)
            logits = outputs.logits
            for label in range(len(ids)):
                outputs.logits = logits[..., label : label + 1]
                yield outputs
            return
        for label, length in zip(ids, lengths, strict=True):
            alone = np.tile(label[:length], (len(rows), 1))
            yield self.model(**self.text_inputs(alone, np.full(len(rows), length)), **image)


def best(labels: Sequence[dict[str, Any]], threshold: float, top_k: int | None) -> dict[str, np.ndarray]:
    """The boxes of one picture, those of each label in turn, as one list with the best first."""
    scores = np.concatenate([to_numpy(found["scores"]) for found in labels])
    numbers = np.repeat(np.arange(len(labels), dtype=np.int32), [len(found["scores"]) for found in labels])
    corners = np.concatenate([to_numpy(found["boxes"].int()).reshape(-1, 4) for found in labels])
    order = np.argsort(-scores, kind="stable")
    order = order[(scores[order] > threshold) & (scores[order] != 0)][: top_k or None]
    return {
        "scores": scores[order],
        "labels": numbers[order],
        "boxes": corners[order],
        "count": np.array([len(order)], np.int32),
    }


class Postprocess(Stage):
    """labels [batch, n], count [batch, 1] and CANDIDATE_LABELS [batch, labels] to LABEL [batch, n], "" behind the last.
    The rest goes from the model straight to the caller."""

    PARAMETERS = PARAMETERS

    def process(self, request: Request) -> Tensors:
        labels, counts = request.tensors["labels"], request.tensors["count"]
        named = np.full(labels.shape, b"", object)
        for row, (numbers, (count,)) in enumerate(zip(labels, counts, strict=True)):
            given = candidate_labels.candidate_labels(request.tensors["CANDIDATE_LABELS"][row])
            named[row, :count] = given[numbers[:count]]
        return {"LABEL": named}
