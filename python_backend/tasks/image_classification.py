"""Image classification: images to labels with scores. Follows ImageClassificationPipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from python_backend.classification import ClassificationPostprocess, classification_parameters
from python_backend.forward import ImageForward
from python_backend.images import ImagePreprocess
from python_backend.parameters import Parameters

if TYPE_CHECKING:
    import torch

PARAMETERS = Parameters(*classification_parameters(top_k=5))


class Preprocess(ImagePreprocess):
    """IMAGE [batch, 1] to pixel_values [batch, channels, height, width] and pixel_size [batch, 2]."""

    PARAMETERS = PARAMETERS


class Model(ImageForward):
    """pixel_values and pixel_size to logits [batch, labels]."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForImageClassification"

    def reduce(self, outputs: Any) -> dict[str, torch.Tensor]:
        return {"logits": outputs.logits}


class Postprocess(ClassificationPostprocess):
    """logits to LABEL [batch, top_k] and SCORE [batch, top_k], best first."""

    PARAMETERS = PARAMETERS

    def default_function(self, problem: str | None, labels: int) -> str:
        """Sigmoid for single_label_classification, softmax for multi_label_classification: the pipeline of 4.48 has
        them that way round, unlike those of other modalities and later ones."""
        return "sigmoid" if labels == 1 or problem == "single_label_classification" else "softmax"
