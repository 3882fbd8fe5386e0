"""Fill mask: texts with holes to the tokens that fit best. Follows FillMaskPipeline."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from python_backend import text
from python_backend.batching import pad
from python_backend.forward import Forward, Pass, to_numpy
from python_backend.parameters import Int, InvalidInput, Parameters
from python_backend.stage import Request, Result, Stage, Tensors

if TYPE_CHECKING:
    import torch

PARAMETERS = Parameters(
    Int("top_k", default=5, minimum=1, doc="How many fillings of a mask to return, best first."),
    *text.TOKENIZER,
)


def mask_id(tokenizer: text.Tokenizer) -> int:
    token = tokenizer.token_id("mask_token")
    if token is None:
        raise ValueError("The tokenizer does not define a mask_token: the checkpoint is none for fill-mask.")
    return token


class Preprocess(text.TextPreprocess):
    """TEXT [batch, 1] and, optionally, TARGETS [batch, n] to token ids [batch, length] and targets [batch, n] INT64:
    the tokens to choose from, -1 behind a row's last; n is 0 where the whole vocabulary is to choose from.

    Settings, besides TextPreprocess's (max_text_bytes also bounds the targets of a text, all together):
        max_targets: of one text. Default 1,000.
        max_fillings: masks times top_k of one text, for each filling is a whole text to decode. Default 10,000.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        self.mask_id = mask_id(self.tokenizer)
        self.max_targets = self.setting("max_targets", 1_000)
        self.max_fillings = self.setting("max_fillings", 10_000)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        texts = [(self.texts(request), request.parameters) for request in requests]
        results: list[Result] = []
        for request, encodings in zip(requests, self.tokenizer.encode(texts), strict=True):
            targets = self.targets(request)
            for encoding in encodings:
                self.check(encoding.ids.count(self.mask_id), fillings(request, targets))
            results.append({**self.tokenizer.tensors(encodings), "targets": targets})
        return results

    def check(self, masks: int, top_k: int) -> None:
        if not masks:
            token = self.tokenizer.special_tokens["mask_token"]
            raise InvalidInput(f"No mask_token ({token}) found on the input. Put it where a word is missing.")
        if masks * top_k > self.max_fillings:
            raise InvalidInput(
                f"Masks times top_k are {masks * top_k:,} fillings; "
                f"this deployment gives {self.max_fillings:,} a text (max_fillings)."
            )

    def targets(self, request: Request) -> np.ndarray:
        if "TARGETS" not in request.tensors:
            return np.empty((len(request.tensors["TEXT"]), 0), np.int64)
        return pad([self.target_ids(row) for row in request.tensors["TARGETS"]], fill=-1)

    def target_ids(self, row: np.ndarray) -> np.ndarray:
        """[n] the tokens that a row of TARGETS stands for (`get_target_ids`); empty strings are padding."""
        given = row[row != b""]
        if len(given) > self.max_targets:
            raise InvalidInput(
                f"TARGETS has {len(given):,} targets; this deployment takes {self.max_targets:,} (max_targets)."
            )
        if (size := sum(map(len, given))) > self.max_bytes:
            raise InvalidInput(
                f"TARGETS has {size:,} bytes in a row; this deployment takes {self.max_bytes:,} (max_text_bytes)."
            )
        targets = text.read(given, "TARGETS", self.max_bytes)
        tokens = [token for target in targets if (token := self.target_id(target)) is not None]
        if not tokens:
            raise InvalidInput("At least one target must be provided when passed: none of TARGETS is a token.")
        return np.unique(np.array(tokens, np.int64))

    def target_id(self, target: str) -> int | None:
        """The token of that name, or the first of those that the target consists of."""
        token = self.tokenizer.backend.token_to_id(target)
        if token is not None:
            return token
        return next(iter(self.tokenizer.backend.encode(target, add_special_tokens=False).ids), None)


def fillings(request: Request, targets: np.ndarray) -> int:
    """How many fillings of a mask are asked for: top_k, or all targets where these are fewer."""
    top_k = request.parameters["top_k"]
    return min(top_k, targets.shape[1]) if targets.size else top_k


class Model(Forward):
    """Token ids and targets to the best tokens of each mask, best first: scores FP32 and tokens INT64
    [batch, masks, k]. A row of fewer masks ends in zeros; a row of fewer targets has tokens of -1 behind them."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForMaskedLM"

    def load(self) -> None:
        import torch

        super().load()
        self.mask_id = mask_id(text.Tokenizer(self.folder))
        self.current = threading.local()  # passes may run side by side
        head = self.model.get_output_embeddings()
        if isinstance(head, torch.nn.Linear):
            head.register_forward_pre_hook(self.only_masks)

    def forward(self, batch: Pass) -> dict[str, list[np.ndarray]]:
        self.current.masks = rows, columns = np.nonzero(batch.inputs["input_ids"] == self.mask_id)
        batch.inputs.update(mask_rows=rows, mask_columns=columns)
        return super().forward(batch)

    def call(self, inputs: dict[str, torch.Tensor]) -> Any:
        self.current.positions = inputs["mask_rows"], inputs["mask_columns"]
        return super().call({name: inputs[name] for name in inputs.keys() & self.accepted})

    def only_masks(self, head: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Hidden states [rows, length, hidden] to those of the masks [masks, hidden], before the head multiplies them
        by the vocabulary: that is half of the work of a small model, and gigabytes of logits that nobody asks for."""
        return (inputs[0][self.current.positions], *inputs[1:])

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        masks = self.current.masks
        logits = outputs.logits
        scores = (logits if logits.ndim == 2 else logits[masks]).float().softmax(dim=-1)
        top_k = []
        for row, (request, item) in enumerate(batch.origins):
            targets = request.tensors["targets"]
            top_k.append(min(fillings(request, targets), scores.shape[1]))
            if targets.size:
                keep_targets(scores, np.flatnonzero(masks[0] == row), targets[item][targets[item] >= 0])
        best = scores.topk(max(top_k))
        values, tokens = to_numpy(best.values), to_numpy(best.indices)
        tokens[values < 0] = -1
        ends = np.cumsum(np.bincount(masks[0], minlength=len(top_k)))[:-1]
        return {
            name: [row[:, :k] for row, k in zip(np.split(array, ends), top_k, strict=True)]
            for name, array in (("scores", values), ("tokens", tokens))
        }


def keep_targets(scores: torch.Tensor, masks: np.ndarray, targets: np.ndarray) -> None:
    """Put scores [masks, vocabulary] of some masks to -1, but those of the targets."""
    chosen = np.ix_(masks, targets)
    kept = scores[chosen]
    scores[masks] = -1
    scores[chosen] = kept


class Postprocess(Stage):
    """scores and tokens [batch, masks, k] and the text's token ids to SCORE, TOKEN, TOKEN_STR and SEQUENCE
    [batch, masks, k] and COUNT [batch, 1], the masks of each row."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.tokenizer = text.Tokenizer(self.folder)
        self.mask_id = mask_id(self.tokenizer)
        self.pad_id = self.tokenizer.token_id("pad_token")

    def process(self, request: Request) -> Tensors:
        tensors = request.tensors
        tokens = tensors["tokens"]
        names, sequences = np.full(tokens.shape, "", object), np.full(tokens.shape, "", object)
        counts = np.zeros((len(tokens), 1), np.int32)
        for row, real in enumerate(tensors["attention_mask"]):
            ids = tensors["input_ids"][row, : np.count_nonzero(real)]
            masks = np.flatnonzero(ids == self.mask_id)
            counts[row] = len(masks)
            for at, position in enumerate(masks):
                for rank, token in enumerate(tokens[row, at]):
                    if token >= 0:
                        names[row, at, rank] = self.tokenizer.decode([token])
                        sequences[row, at, rank] = self.filled(ids, position, token, only=len(masks) == 1)
        scores = np.maximum(tensors["scores"], 0)
        return {"SCORE": scores, "TOKEN": tokens, "TOKEN_STR": names, "SEQUENCE": sequences, "COUNT": counts}

    def filled(self, ids: np.ndarray, position: int, token: int, only: bool) -> str:
        """The text with one mask filled. Special tokens stay where there are more masks, or these would go as well."""
        ids = ids.copy()
        ids[position] = token
        return self.tokenizer.decode(ids[ids != self.pad_id].tolist(), skip_special_tokens=only)
