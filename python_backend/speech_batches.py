"""Rows of speech in passes: which of them may share one, and what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from python_backend.batching import Tensors, pad, plan

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class SpeechBatches:
    """Cuts rows of samples [samples], or of features [frames, bins], into passes of a model.

    Rows of different lengths share a padded pass where the attention mask makes padding harmless: in the families of
    PADDED, whose convolutions normalize each frame by itself. Elsewhere (group norms over time, convolutions behind the
    mask) padding changes the answer: there only rows of equal length share a pass.

    Args:
        max_samples: rows times longest row of a pass, in samples.
        workers: passes that run side by side.
        device: where the passes run: "cpu", "cuda:0" ...
    """

    PADDED = ("hubert", "unispeech", "unispeech-sat", "wav2vec2", "wav2vec2-bert", "wavlm")
    PASS_COST: ClassVar[dict[str, int]] = {"cpu": 1_600, "cuda": 80_000}
    """What one more pass costs, in samples: more makes fewer passes with more padding."""

    def __init__(self, model: PreTrainedModel, max_samples: int, workers: int, device: str) -> None:
        config = model.config
        self.input_name = model.main_input_name
        # Frames of features stand for many samples each.
        self.samples_per_step = 1 if self.input_name == "input_values" else config.inputs_to_logits_ratio
        group_norm = getattr(config, "feat_extract_norm", "layer") == "group"
        adapter = getattr(config, "add_adapter", False)  # more convolutions
        self.pads = config.model_type in self.PADDED and not (group_norm or adapter)
        self.pass_cost = self.PASS_COST[device.partition(":")[0]] if self.pads else 0
        self.max_samples = max_samples
        self.workers = workers

    def groups(self, lengths: Sequence[int], attended: Sequence[int]) -> Iterator[np.ndarray]:
        """Row indices of each pass.

        Args:
            lengths: samples or frames of each row.
            attended: how many of them the attention mask covers, from the start.
        """
        samples = np.array(lengths) * self.samples_per_step
        share = int(samples.sum()) // self.workers + int(samples.max())
        for batch in plan(samples, min(self.max_samples, share), self.pass_cost):
            # Of rows of one length, the mask may still leave out the last frame of some.
            for covered in {attended[index] for index in batch} if not self.pads else (None,):
                yield np.array([index for index in batch if covered in (None, attended[index])])

    def inputs(self, rows: Sequence[np.ndarray], attended: Sequence[int]) -> Tensors:
        """The model's input for the rows of a pass, with an attention_mask where it says anything."""
        inputs = {self.input_name: pad(rows)}
        width = inputs[self.input_name].shape[1]
        if min(attended) < width:
            inputs["attention_mask"] = (np.arange(width) < np.array(attended)[:, None]).astype(np.int64)
        return inputs
