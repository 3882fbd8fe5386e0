"""Samples of speech to what a model's forward pass takes, after the checkpoint's preprocessor_config.json.

Wav2Vec2FeatureExtractor, WhisperFeatureExtractor and ASTFeatureExtractor are a few lines of numpy, written out here so
that the stage needs no torch; any other feature extractor is the class of transformers itself.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from python_backend import spectrogram
from python_backend.checkpoint import read_json
from python_backend.parameters import InvalidInput
from python_backend.speech_checkpoint import features_config, min_samples


class Features(NamedTuple):
    """One forward row."""

    values: np.ndarray
    """float32: [samples], or [frames, bins], or for Whisper [bins, frames]."""
    attended: int
    """How many samples or frames the attention mask covers, from the start."""


class FeatureExtractor:
    """Samples at `sampling_rate` to the forward input `input_name`."""

    input_name = "input_values"
    min_samples = 1
    """Fewer make no frame."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.sampling_rate: int = config.get("sampling_rate", 16_000)

    def __call__(self, samples: np.ndarray) -> Features:
        raise NotImplementedError

    def check(self, samples: np.ndarray) -> None:
        """InvalidInput when the samples make no frame."""
        if len(samples) < self.min_samples:
            raise InvalidInput(
                f"The audio has {len(samples):,} samples at {self.sampling_rate:,} Hz; "
                f"this model needs {self.min_samples:,}. Send longer audio."
            )


class Waveform(FeatureExtractor):
    """Wav2Vec2FeatureExtractor: the samples, normalized to zero mean and unit variance where the checkpoint says so."""

    def __init__(self, config: dict[str, Any], model_config: dict[str, Any]) -> None:
        super().__init__(config)
        self.do_normalize = config.get("do_normalize", True)
        self.min_samples = min_samples(model_config)

    def __call__(self, samples: np.ndarray) -> Features:
        if self.do_normalize:
            samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        return Features(samples, len(samples))


class LogMel(FeatureExtractor):
    """WhisperFeatureExtractor: the log-mel spectrogram of the samples, padded with silence to a window of 30 s."""

    input_name = "input_features"

    def __init__(self, config: dict[str, Any]) -> None:
        from transformers.audio_utils import mel_filter_bank

        super().__init__(config)
        self.chunk_length: int = config.get("chunk_length", 30)
        self.window_samples = self.chunk_length * self.sampling_rate
        self.hop_length: int = config.get("hop_length", 160)
        self.n_fft: int = config.get("n_fft", 400)
        self.hann = np.hanning(self.n_fft + 1)[:-1]
        self.filters = mel_filter_bank(
            num_frequency_bins=1 + self.n_fft // 2,
            num_mel_filters=config.get("feature_size", 80),
            min_frequency=0.0,
            max_frequency=8000.0,
            sampling_rate=self.sampling_rate,
            norm="slaney",
            mel_scale="slaney",
        )

    def __call__(self, samples: np.ndarray) -> Features:
        """[bins, frames] of one window: silence fills it up, what is longer is cut."""
        samples = samples[: self.window_samples]
        padded = np.pad(samples, (0, self.window_samples - len(samples)))
        return Features(self.log_mel(padded), len(samples) // self.hop_length)

    def whole(self, samples: np.ndarray) -> Features:
        """[bins, frames] of audio of any length, for Whisper's sequential decoding of long audio."""
        values = self.log_mel(samples)
        return Features(values, values.shape[1])

    def log_mel(self, samples: np.ndarray) -> np.ndarray:
        """[bins, samples // hop_length] float32."""
        windows = spectrogram.centred(samples, self.n_fft, self.hop_length)[:-1]
        log = np.log10(np.maximum(spectrogram.mel(windows, self.hann, self.filters), 1e-10)).T
        return (np.maximum(log, log.max() - 8) + 4) / 4


class Filterbank(FeatureExtractor):
    """ASTFeatureExtractor: log-mel frames in the manner of Kaldi, filled up with zeros or cut to the model's length.

    Without torchaudio, as transformers computes them then; those of torchaudio are the same but for rounding.
    """

    min_samples = 400  # one frame
    hop_length = 160
    fft_length = 512
    floor = float(np.finfo(np.float32).eps)

    def __init__(self, config: dict[str, Any]) -> None:
        from transformers.audio_utils import mel_filter_bank

        super().__init__(config)
        self.max_frames: int = config.get("max_length", 1024)
        self.mean, self.std = config.get("mean", -4.2677393), config.get("std", 4.5689974)
        self.do_normalize = config.get("do_normalize", True)
        self.window = np.hanning(self.min_samples)
        self.filters = mel_filter_bank(
            num_frequency_bins=1 + self.fft_length // 2,
            num_mel_filters=config.get("num_mel_bins", 128),
            min_frequency=20,
            max_frequency=self.sampling_rate // 2,
            sampling_rate=self.sampling_rate,
            norm=None,
            mel_scale="kaldi",
            triangularize_in_mel_space=True,
        )

    def __call__(self, samples: np.ndarray) -> Features:
        """[frames, bins]"""
        windows = spectrogram.frames(samples, self.min_samples, self.hop_length)[: self.max_frames]
        powers = spectrogram.mel(windows, self.window, self.filters, self.fft_length, emphasis=0.97)
        values = np.zeros((self.max_frames, powers.shape[1]), np.float32)
        values[: len(powers)] = np.log(np.maximum(powers, self.floor))
        if self.do_normalize:
            values = (values - self.mean) / (self.std * 2)
        return Features(values.astype(np.float32, copy=False), self.max_frames)


class Library(FeatureExtractor):
    """Any feature extractor of transformers: Speech2Text, SeamlessM4T, SpeechT5, ..."""

    min_samples = 400  # their windows are 25 ms

    def __init__(self, folder: Path, config: dict[str, Any], kind: str) -> None:
        super().__init__(config)
        self.extractor = getattr(importlib.import_module("transformers"), kind).from_pretrained(folder)
        self.input_name = self.extractor.model_input_names[0]

    def __call__(self, samples: np.ndarray) -> Features:
        features = self.extractor(
            samples, sampling_rate=self.sampling_rate, return_attention_mask=True, return_tensors="np"
        )
        return Features(
            features[self.input_name][0].astype(np.float32, copy=False), int(features["attention_mask"].sum())
        )


def load(folder: Path) -> FeatureExtractor:
    """The feature extractor of a checkpoint."""
    config, model_config = features_config(folder), read_json(folder, "config.json")
    match kind := class_name(config, model_config):
        case "WhisperFeatureExtractor":
            return LogMel(config)
        case "Wav2Vec2FeatureExtractor":
            return Waveform(config, model_config)
        case "ASTFeatureExtractor":
            return Filterbank(config)
        case None:
            raise ValueError(f"{folder}/preprocessor_config.json has no feature_extractor_type")
        case _:
            return Library(folder, config, kind)


def class_name(config: dict[str, Any], model_config: dict[str, Any]) -> str | None:
    """The feature extractor's class. Older checkpoints leave it to the type of the model, or of its encoder."""
    kind: str | None = config.get("feature_extractor_type")
    if kind is None:
        from transformers.models.auto.feature_extraction_auto import FEATURE_EXTRACTOR_MAPPING_NAMES

        types = [str(part.get("model_type")) for part in (model_config, model_config.get("encoder") or {})]
        kind = next((name for each in types if (name := FEATURE_EXTRACTOR_MAPPING_NAMES.get(each))), None)
    return kind
