"""Images with texts of the caller's own: what the zero-shot tasks of images have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from python_backend import candidate_labels, images
from python_backend.labelled import LabelledForward, texts_of
from python_backend.stage import Request, Tensors

if TYPE_CHECKING:
    import torch


class LabelledImagePreprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] and CANDIDATE_LABELS [batch, labels], padded with empty strings, to pixel_values and what else
    ImagePreprocess makes, and to token ids of a text for each label: input_ids [batch, labels, length] INT64,
    text_lengths [batch, labels] INT32, the tokens that the model attends to: 0 behind a row's last label.

    Settings, besides ImagePreprocess's:
        max_text_bytes: of the texts of one image together. Default 100,000.
        max_candidate_labels: of one image. Default 1,000: a label is a text to encode.
    """

    def load(self) -> None:
        super().load()
        self.tokenizer = candidate_labels.LabelTokenizer(self.folder)
        self.max_text_bytes = self.setting("max_text_bytes", 100_000)
        self.max_labels = self.setting("max_candidate_labels", 1_000)

    def process(self, request: Request) -> Tensors:
        texts = [self.texts(row, request) for row in request.tensors["CANDIDATE_LABELS"]]
        tokens = self.tokenizer.labels(texts, request.parameters)
        return {**super().process(request), **tokens}

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


class LabelledImageForward(LabelledForward):
    """Images with texts through one model."""

    def load(self) -> None:
        super().load()
        self.filled_up = self.model.config.model_type == "siglip"  # it looks at the last place of a text

    def labelled(self, request: Request) -> list[Row]:
        tensors = request.tensors
        rows = []
        for number, (height, width) in enumerate(tensors["pixel_size"]):
            mask = tensors["pixel_mask"][number, :height, :width] if "pixel_mask" in tensors else None
            rows.append(
                Row(
                    request,
                    number,
                    tensors["pixel_values"][number, :, :height, :width],
                    mask if mask is not None and mask.size else None,
                    *texts_of(request, number, self.filled_up),
                )
            )
        return rows

    def image_inputs(self, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
        """pixel_values and, where there is one, pixel_mask of a pass."""
        inputs = {"pixel_values": self.to_device(np.stack([row.pixels for row in rows]))}
        if rows[0].mask is not None and "pixel_mask" in self.accepted:  # the same for all rows of a pass
            inputs["pixel_mask"] = self.to_device(np.stack([rows[0].mask] * len(rows)).astype(np.int64))
        return inputs
