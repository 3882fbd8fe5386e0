"""Logits to the best labels: the postprocessing of text, image, audio and video classification."""

from __future__ import annotations

import numpy as np

from python_backend import checkpoint
from python_backend.parameters import Choice, Int, Parameter
from python_backend.stage import Request, Stage, Tensors


def classification_parameters(top_k: int) -> tuple[Parameter, ...]:
    return (
        Int("top_k", default=top_k, minimum=1, nullable=True, doc="How many labels to return, best first; null: all."),
        Choice(
            "function_to_apply",
            choices=("sigmoid", "softmax", "none"),
            doc="What turns logits into scores. Default: what the checkpoint was trained with.",
        ),
    )


def scores(logits: np.ndarray, function: str) -> np.ndarray:
    """Scores of the same shape as the logits: "softmax" over the last axis, "sigmoid", or "none"."""
    if function == "sigmoid":
        return 1.0 / (1.0 + np.exp(-logits))
    if function == "softmax":
        exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return exponents / exponents.sum(axis=-1, keepdims=True)
    return logits


class ClassificationPostprocess(Stage):
    """logits [batch, labels] FP32 to LABEL and SCORE [batch, top_k], best first."""

    def load(self) -> None:
        self.labels = np.array([label.encode() for label in checkpoint.labels(self.folder)], object)
        problem = checkpoint.read_json(self.folder, "config.json").get("problem_type")
        self.function = self.default_function(problem, len(self.labels))

    def default_function(self, problem: str | None, labels: int) -> str:
        """What turns logits into scores where the caller does not say: a softmax, unless a task has another.

        Args:
            problem: `problem_type` of config.json.
            labels: how many the checkpoint has.
        """
        return "softmax"

    def process(self, request: Request) -> Tensors:
        parameters = request.parameters
        values = scores(request.tensors["logits"], parameters["function_to_apply"] or self.function)
        best = np.argsort(-values, axis=-1, kind="stable")[:, : parameters["top_k"]]
        return {"LABEL": self.labels[best], "SCORE": np.take_along_axis(values, best, axis=-1)}
