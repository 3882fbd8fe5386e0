"""Feature extraction: texts to the hidden states of their tokens, or to one vector each. Follows
FeatureExtractionPipeline; `pooling` and `normalize` come on top, so that sentence embeddings travel as one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from python_backend import text
from python_backend.checkpoint import read_json
from python_backend.forward import Forward, Pass, to_numpy
from python_backend.parameters import Bool, Choice, Parameters
from python_backend.stage import Request, Result, Stage, Tensors

if TYPE_CHECKING:
    import torch

PARAMETERS = Parameters(
    *text.TOKENIZER,
    Bool("add_special_tokens", default=True, doc="Put the model's special tokens, [CLS] and [SEP] say, around a text."),
    Choice("pooling", choices=("mean", "cls"), doc="One vector a text: the mean of its tokens, or its first token."),
    Bool("normalize", default=False, doc="Scale each vector to length 1 (L2)."),
)


POOLED = ("dpr",)
"""Model types whose first output is one vector a text."""


class Preprocess(text.TextPreprocess):
    """TEXT [batch, 1] to token ids [batch, length]."""

    PARAMETERS = PARAMETERS

    def process_batch(self, requests: list[Request]) -> list[Result]:
        results: dict[int, Result] = {}
        for special in (True, False):
            chosen = [i for i, request in enumerate(requests) if request.parameters["add_special_tokens"] is special]
            texts = [(self.texts(requests[i]), requests[i].parameters) for i in chosen]
            encodings = self.tokenizer.encode(texts, add_special_tokens=special)
            results.update(zip(chosen, map(self.tokenizer.tensors, encodings), strict=True))
        return [results[i] for i in range(len(requests))]


class Model(Forward):
    """Token ids to features [batch, length, hidden] FP32, or [batch, 1, hidden] with `pooling` and of models that give
    one vector a text: the first output of the model, padded with zeros behind a row's end. Pooled on the device, so
    that only the vectors leave it."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModel"

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        hidden, counts = outputs[0].float(), batch.lengths
        if hidden.ndim == 2:
            hidden, counts = hidden[:, None], np.ones_like(counts)
        wishes = [(request.parameters["pooling"], request.parameters["normalize"]) for request, _ in batch.origins]
        features: dict[int, np.ndarray] = {}
        for pooling, normalize in set(wishes):  # one, most of the time
            chosen = [at for at, wish in enumerate(wishes) if wish == (pooling, normalize)]
            lengths = counts[chosen]
            vectors = to_numpy(pool(hidden[chosen], lengths, pooling, normalize))
            for at, row, length in zip(chosen, vectors, lengths, strict=True):
                features[at] = row if pooling else row[:length]
        return {"features": [features[at] for at in range(len(hidden))]}


def pool(hidden: torch.Tensor, lengths: np.ndarray, pooling: str | None, normalize: bool) -> torch.Tensor:
    """Hidden states [rows, length, hidden] of rows of `lengths` [rows] tokens to [rows, 1 or length, hidden]."""
    import torch

    if pooling == "cls":
        hidden = hidden[:, :1]
    elif pooling == "mean":
        counts = torch.from_numpy(lengths).to(hidden.device)
        real = torch.arange(hidden.shape[1], device=hidden.device) < counts[:, None]
        hidden = (hidden * real[..., None]).sum(dim=1, keepdim=True) / counts[:, None, None]
    return torch.nn.functional.normalize(hidden, dim=-1) if normalize else hidden


class Postprocess(Stage):
    """attention_mask [batch, length] to LENGTH [batch, 1] INT32: how many vectors of a row are real. The features
    themselves go from the model straight to the caller."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.pooled = read_json(self.folder, "config.json").get("model_type") in POOLED

    def process(self, request: Request) -> Tensors:
        lengths = np.count_nonzero(request.tensors["attention_mask"], axis=1, keepdims=True)
        return {"LENGTH": np.ones_like(lengths) if self.pooled or request.parameters["pooling"] else lengths}
