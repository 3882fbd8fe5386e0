"""Zero-shot image classification: images to labels of the caller's own. Follows ZeroShotImageClassificationPipeline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from python_backend import candidate_labels
from python_backend.checkpoint import read_json
from python_backend.classification import scores
from python_backend.forward import to_numpy
from python_backend.labelled_images import LabelledForward, LabelledPreprocess, Row
from python_backend.parameters import Parameters, Text
from python_backend.stage import Request, Stage, Tensors
from python_backend.text import TOKENIZER

PARAMETERS = Parameters(
    Text("hypothesis_template", default="This is a photo of {}.", doc="The sentence; {} is where the label goes."),
    *TOKENIZER,
)


class Preprocess(LabelledPreprocess):
    """IMAGE [batch, 1] and CANDIDATE_LABELS [batch, labels] to pixels and the token ids of a sentence a label."""

    PARAMETERS = PARAMETERS

    def texts(self, row: np.ndarray, request: Request) -> list[str]:
        template = request.parameters["hypothesis_template"]
        return candidate_labels.sentences(template, super().texts(row, request), self.max_text_bytes)


class Model(LabelledForward):
    """Pixels and token ids to logits [batch, labels] FP32: how well each text fits the image."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForZeroShotImageClassification"

    def forward_rows(self, rows: Sequence[Row]) -> list[dict[str, np.ndarray]]:
        outputs = self.model(**self.text_inputs(rows[0].ids, rows[0].lengths), **self.image_inputs(rows))
        return [{"logits": row} for row in to_numpy(outputs.logits_per_image)]


class Postprocess(Stage):
    """logits and CANDIDATE_LABELS [batch, labels] to LABEL and SCORE [batch, labels], best first, and COUNT [batch, 1],
    the labels of each row."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        siglip = read_json(self.folder, "config.json").get("model_type") == "siglip"
        self.function = "sigmoid" if siglip else "softmax"

    def process(self, request: Request) -> Tensors:
        candidates = request.tensors["CANDIDATE_LABELS"]
        names, values = np.full(candidates.shape, b"", object), np.zeros(candidates.shape, np.float32)
        counts = np.zeros((len(candidates), 1), np.int32)
        for row, logits in enumerate(request.tensors["logits"]):
            given = candidate_labels.candidate_labels(candidates[row])
            counts[row] = count = len(given)
            unsorted = scores(logits[:count], self.function)
            best = np.argsort(-unsorted, kind="stable")
            names[row, :count], values[row, :count] = given[best], unsorted[best]
        return {"LABEL": names, "SCORE": values, "COUNT": counts}
