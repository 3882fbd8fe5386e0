"""Text classification: texts, or pairs of texts, to labels with scores. Follows TextClassificationPipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from python_backend import text
from python_backend.classification import ClassificationPostprocess, classification_parameters
from python_backend.forward import Forward
from python_backend.parameters import Parameters
from python_backend.stage import Request

if TYPE_CHECKING:
    import torch

PARAMETERS = Parameters(*classification_parameters(top_k=1), *text.TOKENIZER)


class Preprocess(text.TextPreprocess):
    """TEXT [batch, 1] and, optionally, TEXT_PAIR [batch, 1] to token ids [batch, length]."""

    PARAMETERS = PARAMETERS

    def texts(self, request: Request) -> Sequence[text.Text]:
        texts = super().texts(request)
        if "TEXT_PAIR" not in request.tensors:
            return texts
        pairs = text.read(request.tensors["TEXT_PAIR"], "TEXT_PAIR", self.max_bytes)
        return [(str(first), second) for first, second in zip(texts, pairs, strict=True)]


class Model(Forward):
    """Token ids to logits [batch, labels]."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForSequenceClassification"

    def reduce(self, outputs: Any) -> dict[str, torch.Tensor]:
        return {"logits": outputs.logits}


class Postprocess(ClassificationPostprocess):
    """logits to LABEL [batch, top_k] and SCORE [batch, top_k], best first."""

    PARAMETERS = PARAMETERS

    def default_function(self, problem: str | None, labels: int) -> str:
        if problem == "regression":
            return "none"
        return "sigmoid" if problem == "multi_label_classification" or labels == 1 else "softmax"
