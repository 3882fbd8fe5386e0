"""Zero-shot image classification: images to labels of the caller's own. Follows ZeroShotImageClassificationPipeline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from python_backend import candidate_labels
from python_backend.checkpoint import read_json
from python_backend.forward import to_numpy
from python_backend.labelled import LabelledPostprocess
from python_backend.labelled_images import LabelledImageForward, LabelledImagePreprocess, Row
from python_backend.parameters import Parameters, Text
from python_backend.stage import Request
from python_backend.text import TOKENIZER

PARAMETERS = Parameters(
    Text("hypothesis_template", default="This is a photo of {}.", doc="The sentence; {} is where the label goes."),
    *TOKENIZER,
)


class Preprocess(LabelledImagePreprocess):
    """IMAGE [batch, 1] and CANDIDATE_LABELS [batch, labels] to pixels and the token ids of a sentence a label."""

    PARAMETERS = PARAMETERS

    def texts(self, row: np.ndarray, request: Request) -> list[str]:
        template = request.parameters["hypothesis_template"]
        return candidate_labels.sentences(template, super().texts(row, request), self.max_text_bytes)


class Model(LabelledImageForward):
    """Pixels and token ids to logits [batch, labels] FP32: how well each text fits the image."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForZeroShotImageClassification"

    def forward_rows(self, rows: Sequence[Row]) -> list[dict[str, np.ndarray]]:
        outputs = self.model(**self.text_inputs(rows[0].ids, rows[0].lengths), **self.image_inputs(rows))
        return [{"logits": row} for row in to_numpy(outputs.logits_per_image)]


class Postprocess(LabelledPostprocess):
    """logits and CANDIDATE_LABELS [batch, labels] to LABEL and SCORE [batch, labels], best first, and COUNT [batch, 1],
    the labels of each row."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        siglip = read_json(self.folder, "config.json").get("model_type") == "siglip"
        self.function = "sigmoid" if siglip else "softmax"
