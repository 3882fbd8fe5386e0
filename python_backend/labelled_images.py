"""Images with texts of the caller's own: what the zero-shot tasks of images have in common.

Rows of equal texts and equal size share a pass, in which the texts are encoded once for all of its pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from python_backend import candidate_labels, images, text
from python_backend.batching import pad
from python_backend.checkpoint import read_json
from python_backend.forward import Forward
from python_backend.parameters import InvalidInput
from python_backend.stage import Request, Result, Tensors

if TYPE_CHECKING:
    import torch


class LabelledPreprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] and CANDIDATE_LABELS [batch, labels], padded with empty strings, to pixel_values and what else
    ImagePreprocess makes, and to token ids of a text for each label: input_ids [batch, labels, length] INT64,
    text_lengths [batch, labels] INT32, the tokens that the model attends to: 0 behind a row's last label.

    Settings, besides ImagePreprocess's:
        max_text_bytes: of the texts of one image together. Default 100,000.
        max_candidate_labels: of one image. Default 1,000: a label is a text to encode.
    """

    def load(self) -> None:
        super().load()
        self.tokenizer = text.Tokenizer(self.folder)
        positions = text.max_tokens(read_json(self.folder, "config.json").get("text_config") or {}, {})
        self.tokenizer.max_tokens = min(self.tokenizer.max_tokens, positions)
        self.max_text_bytes = self.setting("max_text_bytes", 100_000)
        self.max_labels = self.setting("max_candidate_labels", 1_000)
        self.padding = self.tokenizer.token_id("pad_token") or 0
        # The pipeline fills up SigLIP's texts to their full length, and their tokenizer makes no mask.
        siglip = read_json(self.folder, "config.json").get("model_type") == "siglip"
        self.full_length = self.tokenizer.max_tokens if siglip else 0

    def process(self, request: Request) -> Tensors:
        rows = [self.texts(row, request) for row in request.tensors["CANDIDATE_LABELS"]]
        if not all(rows):
            raise InvalidInput("You must include at least one label: CANDIDATE_LABELS is empty.")
        parameters = {"truncation": "false", "max_length": None, **request.parameters}
        (encodings,) = self.tokenizer.encode([([one for row in rows for one in row], parameters)])
        each = iter([np.array(encoding.ids) for encoding in encodings])
        ids = [pad([next(each) for _ in row], self.padding) for row in rows]
        lengths = [np.array([len(encoding) for encoding in encodings])]
        counts = np.cumsum([len(row) for row in rows])[:-1]
        lengths = np.split(lengths[0], counts)
        if self.full_length:
            full = self.full_length
            ids = [np.pad(row, ((0, 0), (0, full - row.shape[1])), constant_values=self.padding) for row in ids]
            lengths = [np.full(len(row), full) for row in ids]
        return {
            **super().process(request),
            "input_ids": pad(ids, self.padding),
            "text_lengths": pad(lengths),
        }

    def texts(self, row: np.ndarray, request: Request) -> list[str]:
        """The text of each label of a row."""
        return candidate_labels.read(row, self.max_labels, self.max_text_bytes)


class Row(NamedTuple):
    """One image and its texts."""

    request: Request
    number: int
    """Of the row in its request."""
    pixels: np.ndarray
    """[channels, height, width]"""
    mask: np.ndarray | None
    """[height, width], where the processor makes one."""
    ids: np.ndarray
    """[labels, length]"""
    lengths: np.ndarray
    """[labels]"""

    @property
    def key(self) -> Any:
        """Equal for rows that may share a pass."""
        mask = None if self.mask is None else self.mask.tobytes()
        return self.pixels.shape, mask, self.ids.shape, self.ids.tobytes(), self.lengths.tobytes()


class LabelledForward(Forward):
    """Images with texts through one model: tasks say in `forward_rows` what a pass gives.

    Settings, besides TorchStage's: max_batch_rows, images of one pass. Default 32.
    """

    def process_batch(self, requests: list[Request]) -> list[Result]:
        rows = [row for request in requests for row in self.labelled(request)]
        groups: dict[Any, list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            groups[row.key].append(index)
        results: list[dict[str, np.ndarray]] = [{}] * len(rows)
        for group in groups.values():
            for at in range(0, len(group), self.max_batch_rows):
                indices = group[at : at + self.max_batch_rows]
                for index, result in zip(indices, self.run_rows([rows[index] for index in indices]), strict=True):
                    results[index] = result
        each = iter(results)
        joined = []
        for request in requests:
            own = [next(each) for _ in request.tensors["pixel_values"]]
            joined.append({name: pad([result[name] for result in own]) for name in own[0]})
        return list(joined)

    def labelled(self, request: Request) -> list[Row]:
        """The rows of a request, without what is padding in them."""
        tensors = request.tensors
        rows = []
        for number, (height, width) in enumerate(tensors["pixel_size"]):
            lengths = tensors["text_lengths"][number]
            lengths = lengths[lengths > 0]
            mask = tensors["pixel_mask"][number, :height, :width] if "pixel_mask" in tensors else None
            rows.append(
                Row(
                    request,
                    number,
                    tensors["pixel_values"][number, :, :height, :width],
                    mask if mask is not None and mask.size else None,
                    tensors["input_ids"][number, : len(lengths), : lengths.max()],
                    lengths,
                )
            )
        return rows

    def run_rows(self, rows: Sequence[Row]) -> list[dict[str, np.ndarray]]:
        """The results of rows with equal texts and pictures of equal size."""
        import torch

        with torch.inference_mode():
            return self.forward_rows(rows)

    def forward_rows(self, rows: Sequence[Row]) -> list[dict[str, np.ndarray]]:
        raise NotImplementedError

    def image_inputs(self, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
        """pixel_values and, where there is one, pixel_mask of a pass."""
        inputs = {"pixel_values": self.to_device(np.stack([row.pixels for row in rows]))}
        if rows[0].mask is not None and "pixel_mask" in self.accepted:  # the same for all rows of a pass
            inputs["pixel_mask"] = self.to_device(np.stack([rows[0].mask] * len(rows)).astype(np.int64))
        return inputs

    def text_inputs(self, ids: np.ndarray, lengths: np.ndarray) -> dict[str, torch.Tensor]:
        """input_ids and attention_mask [labels, length] of a pass, and token types where the model takes them."""
        mask = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return {name: self.to_device(array) for name, array in inputs.items() if name in self.accepted}
