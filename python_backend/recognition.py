"""Speech models: rows of features of many requests to token ids, one recognizer for each family.

CTC says a token per frame in one forward pass; speech-to-text models and Whisper generate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from transformers.generation import GenerationConfig

from python_backend.batching import in_groups
from python_backend.beam_search import end_as_before
from python_backend.generation import (
    base_config,
    check_lanes,
    check_token_ids,
    generate,
    generation_config,
    new_tokens,
    random_numbers,
    random_seed,
    refusing,
    to_model,
)
from python_backend.parameters import InvalidInput
from python_backend.speech_batches import SpeechBatches
from python_backend.speech_checkpoint import has_language_model
from python_backend.whisper_generation import TIME_PRECISION, Whisper

TASK = "automatic-speech-recognition"
LoadModel = Callable[[str | type], Any]
"""TorchStage.load_model"""


class Speech(NamedTuple):
    """One row that waits."""

    features: np.ndarray
    """float32: [samples], [frames, bins] or for Whisper [bins, frames]."""
    attended: int
    """How many samples or frames the attention mask covers."""
    parameters: dict[str, Any]
    """Of the request: those that matter to the model."""


class Spoken(NamedTuple):
    """What the model said about a row."""

    tokens: np.ndarray
    """[n] int32."""
    times: np.ndarray = np.empty(0, np.float32)
    """[n] seconds from the start of the row, of Whisper's words; else [0]."""
    logits: np.ndarray = np.empty((0, 0), np.float32)
    """[frames, vocabulary] float32 where a language model decodes; else [0, 0]."""


class Recognizer(Protocol):
    def recognize(self, rows: Sequence[Speech]) -> list[Spoken | InvalidInput]:
        """What each row says, or why its parameters cannot be met."""


class Settings(NamedTuple):
    """How a recognizer runs."""

    max_batch_rows: int
    """Rows that generate together."""
    max_batch_samples: int
    """Rows times longest row of a CTC pass."""
    workers: int
    """CTC passes that run side by side, each on one thread."""
    max_generation_seconds: float
    """After which Whisper begins no other window, and other models end with what there is."""


class CTC:
    """A forward pass; the most likely token of each frame."""

    def __init__(self, folder: Path, load: LoadModel, settings: Settings) -> None:
        self.model = load("AutoModelForCTC")
        self.settings = settings
        self.language_model = has_language_model(folder)
        self.batches = SpeechBatches(self.model, settings.max_batch_samples, settings.workers, str(self.model.device))
        self.pool = ThreadPoolExecutor(settings.workers, "pass", initializer=torch.set_num_threads, initargs=(1,))

    def recognize(self, rows: Sequence[Speech]) -> list[Spoken | InvalidInput]:
        spoken: list[Any] = [None] * len(rows)
        groups = list(self.batches.groups([len(row.features) for row in rows], [row.attended for row in rows]))
        batches = [[rows[index] for index in group] for group in groups]
        passes = (self.pool.map if len(groups) > 1 and self.settings.workers > 1 else map)(self.forward, batches)
        for group, heard in zip(groups, passes, strict=True):
            for index, row in zip(group, heard, strict=True):
                spoken[index] = row
        return spoken

    @torch.inference_mode()
    def forward(self, batch: list[Speech]) -> list[Spoken]:
        """What each row says, frame by frame."""
        tensors = self.batches.inputs([row.features for row in batch], [row.attended for row in batch])
        inputs = {name: torch.from_numpy(array).to(self.model.device) for name, array in tensors.items()}
        inputs[self.batches.input_name] = inputs[self.batches.input_name].to(self.model.dtype)
        logits = self.model(**inputs).logits
        tokens = logits.argmax(dim=-1).int().cpu().numpy()
        frames = torch.tensor([len(row.features) for row in batch])
        if not self.batches.pads:
            frames = torch.full((len(batch),), tokens.shape[1])
        elif self.batches.input_name == "input_values":
            frames = self.model._get_feat_extract_output_lengths(frames)
        rows = [Spoken(row[:count]) for row, count in zip(tokens, frames.tolist(), strict=True)]
        if not self.language_model:
            return rows
        values = logits.float().cpu().numpy()
        return [row._replace(logits=value[: len(row.tokens)]) for row, value in zip(rows, values, strict=True)]


class Generator:
    """What recognizers that generate share: rows of equal settings run together."""

    def __init__(self, model: Any, folder: Path, settings: Settings) -> None:
        self.model = model
        self.settings = settings
        end_as_before(model)
        self.base = base_config(model, folder, TASK)
        self.vocabulary = int(model.get_output_embeddings().weight.shape[0])

    def recognize(self, rows: Sequence[Speech]) -> list[Spoken | InvalidInput]:
        return in_groups(rows, self.key, lambda row: self.batch_rows(row.parameters), refusing(self.generate))

    def key(self, row: Speech) -> Any:
        """Equal for rows that one batch may hold."""
        return tuple(row.parameters.values())

    def batch_rows(self, parameters: dict[str, Any]) -> int:
        """How many rows with such parameters run at a time."""
        return self.settings.max_batch_rows // self.given("num_beams", parameters)

    def given(self, name: str, parameters: dict[str, Any]) -> Any:
        """A setting of a request, or else of the checkpoint."""
        value = parameters[name]
        return getattr(self.base, name, None) if value is None else value

    def generate(self, rows: list[Speech]) -> Sequence[Any]:
        """What rows of equal `key` say."""
        raise NotImplementedError

    def config(self, parameters: dict[str, Any]) -> GenerationConfig:
        temperatures = [one for one in parameters["temperature"] or () if one > 0]
        config = generation_config(self.base, {**parameters, "temperature": temperatures[0] if temperatures else None})
        check_token_ids(config, self.vocabulary, parameters)
        check_lanes(config, self.settings.max_batch_rows)
        return config


class SpeechToText(Generator):
    """Encoder and decoder, without timestamps: Speech2Text, SpeechT5, Moonshine, ..."""

    def __init__(self, folder: Path, load: LoadModel, settings: Settings) -> None:
        super().__init__(load("AutoModelForSpeechSeq2Seq"), folder, settings)

    def key(self, row: Speech) -> Any:
        return (*super().key(row), row.features.shape, row.attended)

    def batch_rows(self, parameters: dict[str, Any]) -> int:
        # Sampling beams draw for the whole batch at once.
        draws = self.given("do_sample", parameters) and self.given("num_beams", parameters) > 1
        return 1 if draws else super().batch_rows(parameters)

    def config(self, parameters: dict[str, Any]) -> GenerationConfig:
        config = super().config(parameters)
        positions = getattr(self.model.config, "max_position_embeddings", None)
        config.max_new_tokens, config.min_new_tokens = new_tokens(self.base, parameters, 1, positions)
        config.max_length = config.min_length = None
        limit = self.settings.max_generation_seconds
        config.max_time = limit if config.max_time is None else min(config.max_time, limit)
        return config

    def generate(self, rows: list[Speech]) -> Sequence[Any]:
        features = to_model(self.model, np.stack([row.features for row in rows]))
        mask = torch.zeros(features.shape[:2], dtype=torch.long, device=features.device)
        mask[:, : rows[0].attended] = 1
        parameters = rows[0].parameters
        seed = parameters["seed"]
        sequences = generate(
            self.model,
            {self.model.main_input_name: features, "attention_mask": mask},
            self.config(parameters),
            seeds=[random_seed() if seed is None else seed for _ in rows],
        )
        return [Spoken(sequence) for sequence in sequences.int().cpu().numpy()]


class WhisperRecognizer(Generator):
    """Whisper: windows of 30 s, one after the other where a row is longer."""

    THRESHOLDS = ("compression_ratio_threshold", "logprob_threshold", "no_speech_threshold")
    ARGUMENTS = ("language", "task", "condition_on_prev_tokens", *THRESHOLDS)
    """Parameters that generate() takes beside its configuration."""

    def __init__(self, folder: Path, load: LoadModel, settings: Settings) -> None:
        super().__init__(load(Whisper), folder, settings)
        self.attention = self.model.config._attn_implementation
        self.window = 2 * self.model.config.max_source_positions
        """Frames of one window."""
        self.timestamp_begin = getattr(self.base, "no_timestamps_token_id", self.model.config.vocab_size) + 1

    def key(self, row: Speech) -> Any:
        return (*super().key(row), row.features.shape[1] > self.window)

    def batch_rows(self, parameters: dict[str, Any]) -> int:
        # Rows run alone where one draws random numbers, or what it said changes how its next window is decoded.
        alone = any(parameters["temperature"] or ()) or self.given("condition_on_prev_tokens", parameters)
        if alone or any(self.given(name, parameters) is not None for name in self.THRESHOLDS):
            return 1
        if parameters["return_timestamps"] == "word":  # all attentions of all steps are kept until the end
            return super().batch_rows(parameters) // 4
        return super().batch_rows(parameters)

    @torch.inference_mode()
    def generate(self, rows: list[Speech]) -> Sequence[Any]:
        parameters = rows[0].parameters
        widths = [row.features.shape[1] for row in rows]
        features = np.zeros((len(rows), len(rows[0].features), max(widths)), np.float32)
        for at, row in enumerate(rows):
            features[at, :, : widths[at]] = row.features
        long = max(widths) > self.window
        timestamps = {"true": True, "word": "word"}.get(parameters["return_timestamps"])
        arguments: dict[str, Any] = {name: parameters[name] for name in self.ARGUMENTS}
        if timestamps == "word":
            arguments["return_token_timestamps"] = True
            arguments["num_frames"] = None if long else torch.tensor([row.attended for row in rows])
        if long:
            mask = torch.arange(max(widths)) < torch.tensor(widths)[:, None]
            arguments["attention_mask"] = mask.to(self.model.device)
        self.model.deadline = time.monotonic() + self.settings.max_generation_seconds
        try:
            with random_numbers(self.model.device, parameters["seed"]):
                output = self.model.generate(
                    to_model(self.model, features),
                    generation_config=self.config(parameters),
                    return_timestamps=timestamps,
                    temperature=parameters["temperature"] or (0.0,),  # None fails with logprob_threshold
                    return_segments=True,
                    **arguments,
                )
        finally:
            if timestamps == "word":  # that switched to the one attention that can be looked at, a slow one
                self.model.set_attn_implementation(self.attention)
        return [self.spoken(segments, parameters) for segments in output["segments"]]

    def spoken(self, segments: list[dict[str, Any]], parameters: dict[str, Any]) -> Spoken:
        """The segments of a row, joined."""
        if not segments:
            return Spoken(np.empty(0, np.int32))
        tokens = [np.array(segment["tokens"].cpu()) for segment in segments]
        times = np.empty(0, np.float32)
        if parameters["return_timestamps"] == "word":
            times = np.concatenate([segment["token_timestamps"].cpu().numpy() for segment in segments])
        else:  # timestamps count from the start of the row, not of the window
            for segment, ids in zip(segments, tokens, strict=True):
                ids[ids >= self.timestamp_begin] += round(segment["window"] / TIME_PRECISION)
        joined = np.concatenate(tokens)
        if parameters["return_language"]:
            language = self.language(segments[0]["result"])
            joined = np.concatenate([language, joined])
            times = np.concatenate([np.zeros(len(language)), times]) if len(times) else times
        return Spoken(joined.astype(np.int32), times.astype(np.float32))

    def language(self, result: Any) -> list[int]:
        """The language token of the prompt, if it has one."""
        sequence = result["sequences"] if isinstance(result, dict) else result
        languages = set(getattr(self.base, "lang_to_id", {}).values())
        return [token for token in sequence.tolist() if token in languages][:1]


RECOGNIZERS: dict[str, Any] = {"ctc": CTC, "seq2seq": SpeechToText, "whisper": WhisperRecognizer}
