"""Whisper's generate() as transformers 4.48 has it, on the Whisper of transformers 5, for batches of independent rows.

What transformers 5 does otherwise, and is put back here:
* `max_length` counts the prompt of each window, and does not grow from window to window.
* Times of words: the attention of the prompt takes part in the alignment, a token starts where its predecessor was
  aligned, and frames are cut where the row ends, counted from the start of each window.
What is added:
* Each row of a batch is aligned over its own tokens alone, so that neighbours change nothing, and much faster.
* Each segment knows the window it is from.
* A window whose times get no further is left (both releases would decode it for ever), and there is a deadline.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
from transformers import WhisperForConditionalGeneration
from transformers.models.whisper.generation_whisper import _median_filter

from python_backend.generation_parameters import DEFAULT_MAX_LENGTH
from python_backend.parameters import InvalidInput

TIME_PRECISION = 0.02
"""Seconds that one position of the encoder's output, and one timestamp token, stands for."""


class Whisper(WhisperForConditionalGeneration):
    """WhisperForConditionalGeneration, with 4.48's lengths and times of words."""

    deadline = math.inf
    """By time.monotonic(): no window is begun after it."""

    def _set_max_new_tokens_and_length(
        self, config: Any, decoder_input_ids: torch.Tensor, generation_config: Any
    ) -> None:
        if time.monotonic() > self.deadline:
            raise InvalidInput(
                "Recognition took longer than this deployment allows (max_generation_seconds). Send less audio at once."
            )
        prompt = decoder_input_ids.shape[-1]
        most = config.max_target_positions - prompt
        if generation_config.max_new_tokens is not None:
            if generation_config.max_new_tokens > most:
                raise InvalidInput(
                    f"max_new_tokens is {generation_config.max_new_tokens:,}; this model has room for {most:,} behind "
                    f"its prompt of {prompt}."
                )
            return
        given = generation_config.__dict__.setdefault("given_max_length", generation_config.max_length)
        length = DEFAULT_MAX_LENGTH + prompt if given in (None, DEFAULT_MAX_LENGTH) else given
        if length <= prompt:
            raise InvalidInput(
                f"max_length is {length}, and counts Whisper's prompt of {prompt} tokens: no room for new ones. Raise "
                "it, or send max_new_tokens instead."
            )
        generation_config.max_length = min(length, config.max_target_positions)

    @staticmethod
    def _set_num_frames(
        return_token_timestamps: bool | None, generation_config: Any, attention_mask: Any, kwargs: Any
    ) -> None:
        generation_config.num_frames = kwargs.pop("num_frames", None)

    @staticmethod
    def _retrieve_segment(**arguments: Any) -> tuple[list[dict[str, Any]], Any]:  # type: ignore[override]
        segments, offset = WhisperForConditionalGeneration._retrieve_segment(**arguments)
        row = arguments["prev_idx"]
        window = float(arguments["time_offset"][row])
        return [{**segment, "window": window} for segment in segments], offset or arguments["seek_num_frames"][row]

    def _postprocess_outputs(
        self,
        seek_outputs: Any,
        decoder_input_ids: torch.Tensor,
        return_token_timestamps: bool | None,
        generation_config: Any,
        is_shortform: bool,
        seek: torch.Tensor,
        batch_idx_map: list[int],
    ) -> Any:
        if return_token_timestamps:
            frames = generation_config.num_frames
            times = self._token_times(
                seek_outputs,
                generation_config,
                prompt=decoder_input_ids.shape[-1],
                frames=None if frames is None else [int(frames[index]) for index in batch_idx_map],
            )
            # The attentions that the times came from are large, and nobody needs them any more.
            kept = ["sequences", "beam_indices"] + ["scores"] * (generation_config.logprob_threshold is not None)
            seek_outputs = {name: seek_outputs[name] for name in kept if name in seek_outputs}
            seek_outputs["token_timestamps"] = times
        return super()._postprocess_outputs(
            seek_outputs, decoder_input_ids, False, generation_config, is_shortform, seek, batch_idx_map
        )

    def _token_times(self, outputs: Any, config: Any, prompt: int, frames: list[int] | None) -> torch.Tensor:
        """[rows, tokens + 1] seconds from the start of the window at which each token, the prompt's included, was said.

        Args:
            outputs: of generate() with output_attentions.
            prompt: tokens of the prompt.
            frames: log-mel frames of each row that are not padding.
        """
        # [heads, rows * beams, tokens, positions]; the first step has the whole prompt, each later one a token.
        attentions = torch.stack(
            [
                torch.cat([step[layer][:, head] for step in outputs.cross_attentions], dim=1)
                for layer, head in config.alignment_heads
            ]
        )
        rows = []
        for row, generated in enumerate(outputs.sequences[:, prompt:]):
            if "beam_indices" in outputs:
                weights = _of_beams(attentions, outputs.beam_indices[row], row * config.num_beams, prompt)
            else:
                weights = attentions[:, row, : prompt + _length(generated, config) - 1]
            if frames is not None:
                weights = weights[..., : max(1, frames[row] // 2)]
            rows.append(torch.tensor([0.0, *_align(weights, self.config.median_filter_width)]))
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def _length(generated: torch.Tensor, config: Any) -> int:
    """How many tokens a row has up to its end of sequence, that included."""
    ends = torch.isin(generated, torch.as_tensor(config.eos_token_id, device=generated.device))
    return int(ends.float().argmax()) + 1 if ends.any() else len(generated)


def _of_beams(attentions: torch.Tensor, beam_indices: torch.Tensor, first: int, prompt: int) -> torch.Tensor:
    """[heads, tokens, positions] of the beams that a row's tokens came from; `first` is the row's first beam."""
    beams = [first] * prompt + beam_indices[beam_indices >= 0].tolist()
    beams = beams[: attentions.shape[2]]
    return attentions[:, beams, list(range(len(beams)))]


def _align(weights: torch.Tensor, median_filter_width: int) -> np.ndarray:
    """[tokens] seconds at which the path through the attention [heads, tokens, positions] reaches each token."""
    std, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    matrix = _median_filter((weights - mean) / std, median_filter_width).mean(dim=0)
    tokens, positions = dynamic_time_warping(-matrix.double().cpu().numpy())
    reached = np.diff(tokens, prepend=-1) > 0
    return positions[reached] * TIME_PRECISION


def dynamic_time_warping(costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest monotonic path from corner to corner of costs [rows, columns]: its row and its column indices.

    The function of that name in transformers, one antidiagonal at a time rather than one cell.
    """
    height, width = costs.shape
    trace = np.empty((height + 1, width + 1), np.int8)
    # Totals along the last two antidiagonals, by row; row 0 and column 0 are the border.
    before = np.full(height + 1, np.inf, np.float32)
    before[0] = 0
    last = np.full(height + 1, np.inf, np.float32)
    for diagonal in range(2, height + width + 1):
        rows = np.arange(max(1, diagonal - width), min(height, diagonal - 1) + 1)
        columns = diagonal - rows
        both, down, right = before[rows - 1], last[rows - 1], last[rows]
        step = np.where((both < down) & (both < right), 0, np.where((down < both) & (down < right), 1, 2))
        total = np.choose(step, (both, down, right))
        before, last = last, np.full(height + 1, np.inf, np.float32)
        last[rows] = costs[rows - 1, columns - 1] + total
        trace[rows, columns] = step
    trace[0, :] = 2
    trace[:, 0] = 1
    row, column = height, width
    path = []
    while row > 0 or column > 0:
        path.append((row - 1, column - 1))
        step_back = trace[row, column]
        row -= step_back in (0, 1)
        column -= step_back in (0, 2)
    indices = np.array(path[::-1])
    return indices[:, 0], indices[:, 1]
