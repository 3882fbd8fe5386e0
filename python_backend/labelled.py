"""Images or audio with texts of the caller's own, through one model: what the zero-shot tasks have in common.

Rows of equal texts and equal size share a pass, in which the texts are encoded once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from python_backend.batching import in_groups, pad
from python_backend.candidate_labels import candidate_labels
from python_backend.classification import scores
from python_backend.forward import Forward
from python_backend.stage import Request, Result, Stage, Tensors

if TYPE_CHECKING:
    import torch


class Labelled(Protocol):
    """An image or an audio, and its texts."""

    @property
    def key(self) -> Any:
        """Equal for rows that may share a pass."""


class LabelledForward(Forward):
    """Tasks say in `forward_rows` what a pass gives.

    Settings, besides TorchStage's: max_batch_rows, images or audios of one pass. Default 32.
    """

    def process_batch(self, requests: list[Request]) -> list[Result]:
        of_requests = [self.labelled(request) for request in requests]
        rows = [row for own in of_requests for row in own]
        each = iter(in_groups(rows, lambda row: row.key, lambda row: self.max_batch_rows, self.run_rows))
        joined: list[Result] = []
        for of_request in of_requests:
            own = [next(each) for _ in of_request]
            joined.append({name: pad([result[name] for result in own]) for name in own[0]})
        return joined

    def labelled(self, request: Request) -> Sequence[Labelled]:
        """The rows of a request, without what is padding in them."""
        raise NotImplementedError

    def run_rows(self, rows: Sequence[Any]) -> list[dict[str, np.ndarray]]:
        """The results of rows with equal keys."""
        import torch

        with torch.inference_mode():
            return self.forward_rows(rows)

    def forward_rows(self, rows: Sequence[Any]) -> list[dict[str, np.ndarray]]:
        raise NotImplementedError

    def text_inputs(self, ids: np.ndarray, lengths: np.ndarray) -> dict[str, torch.Tensor]:
        """input_ids and attention_mask [labels, length] of a pass, and token types where the model takes them."""
        mask = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return {name: self.to_device(array) for name, array in inputs.items() if name in self.accepted}


def texts_of(request: Request, number: int, filled_up: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The token ids [labels, length] and their counts [labels] of a row of a request, without what is padding; but for
    that behind each text where texts are filled up to one length."""
    lengths = request.tensors["text_lengths"][number]
    lengths = lengths[lengths > 0]
    width = None if filled_up else lengths.max()
    return request.tensors["input_ids"][number, : len(lengths), :width], lengths


class LabelledPostprocess(Stage):
    """logits and CANDIDATE_LABELS [batch, labels] to LABEL and SCORE [batch, labels], best first, and COUNT [batch, 1],
    the labels of each row."""

    function = "softmax"

    def process(self, request: Request) -> Tensors:
        candidates = request.tensors["CANDIDATE_LABELS"]
        names, values = np.full(candidates.shape, b"", object), np.zeros(candidates.shape, np.float32)
        counts = np.zeros((len(candidates), 1), np.int32)
        for row, logits in enumerate(request.tensors["logits"]):
            given = candidate_labels(candidates[row])
            counts[row] = count = len(given)
            unsorted = self.scores(logits[:count], request.parameters)
            best = self.order(unsorted)
            names[row, :count], values[row, :count] = given[best], unsorted[best]
        return {"LABEL": names, "SCORE": values, "COUNT": counts}

    def scores(self, logits: np.ndarray, parameters: dict[str, Any]) -> np.ndarray:
        """[labels] of a row's logits [labels, ...]."""
        return scores(logits, self.function)

    def order(self, scores: np.ndarray) -> np.ndarray:
        """[labels] the places of a row's labels, best first; of equal ones the one that was given first."""
        return np.argsort(-scores, kind="stable")
