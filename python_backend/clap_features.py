"""ClapFeatureExtractor of transformers 4.48 in numpy: samples to log-mel frames of a fixed length. No torch.

Where the original draws parts of longer audio at random, these are the middles of what it draws from.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from python_backend import spectrogram


class ClapFeatures(NamedTuple):
    """One audio."""

    values: np.ndarray
    """[channels, frames, bins] float32 in decibels: one channel, or with fusion four."""
    is_longer: bool
    """What the model is told; with fusion always true, for the pipeline asks about one audio at a time."""


class ClapFeatureExtractor:
    """Samples at `sampling_rate`, after preprocessor_config.json.

    Shorter audio is filled up as `padding` says. Of longer audio, `truncation` "rand_trunc" takes the middle; "fusion"
    takes the whole, squeezed, and the middle parts of its beginning, middle and end.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        from transformers.audio_utils import mel_filter_bank

        self.sampling_rate: int = config.get("sampling_rate", 48_000)
        self.hop_length: int = config.get("hop_length", 480)
        self.fft_length: int = config.get("fft_window_size", 1024)
        self.max_samples = int(config.get("max_length_s", 10) * self.sampling_rate)
        self.truncation: str = config.get("truncation", "fusion")
        self.padding: str = config.get("padding", "repeatpad")
        if self.truncation not in ("fusion", "rand_trunc"):
            raise ValueError(f'truncation is "{self.truncation}" in preprocessor_config.json: no such way is known')
        self.fusion = self.truncation == "fusion"
        self.window = np.hanning(self.fft_length + 1)[:-1]
        self.filters = mel_filter_bank(
            num_frequency_bins=1 + self.fft_length // 2,
            num_mel_filters=config.get("feature_size", 64),
            min_frequency=config.get("frequency_min", 0),
            max_frequency=config.get("frequency_max", 14_000),
            sampling_rate=self.sampling_rate,
            norm=None if self.fusion else "slaney",
            mel_scale="htk" if self.fusion else "slaney",
        )

    def __call__(self, samples: np.ndarray) -> ClapFeatures:
        if len(samples) <= self.max_samples:
            mel = self.decibels(self.filled(samples))
            return ClapFeatures(np.stack([mel] * 4) if self.fusion else mel[None], self.fusion)
        if not self.fusion:
            start = (len(samples) - self.max_samples) // 2
            return ClapFeatures(self.decibels(samples[start : start + self.max_samples])[None], True)
        return ClapFeatures(self.fused(self.decibels(samples)), True)

    def filled(self, samples: np.ndarray) -> np.ndarray:
        """[max_samples]: the audio again and again, or once, with silence behind it."""
        times = self.max_samples // len(samples)
        if self.padding == "repeat":
            return np.tile(samples, times + 1)[: self.max_samples]
        if self.padding == "repeatpad":
            samples = np.tile(samples, times)
        return np.pad(samples, (0, self.max_samples - len(samples)))

    def fused(self, mel: np.ndarray) -> np.ndarray:
        """[4, frames, bins] of longer audio."""
        count = self.max_samples // self.hop_length + 1
        if len(mel) == count:  # longer by less than a frame
            return np.stack([mel] * 4)
        thirds = np.array_split(np.arange(len(mel) - count + 1), 3)
        starts = [int(third[len(third) // 2]) if len(third) else 0 for third in thirds]
        return np.stack([squeezed(mel, count), *(mel[start : start + count] for start in starts)])

    def decibels(self, samples: np.ndarray) -> np.ndarray:
        """[frames, bins] float32"""
        windows = spectrogram.centred(samples, self.fft_length, self.hop_length)
        powers = spectrogram.mel(windows, self.window, self.filters)
        return 10 * np.log10(np.maximum(powers, 1e-10))


def squeezed(mel: np.ndarray, count: int) -> np.ndarray:
    """[count, bins] of [frames, bins], as torch's bilinear `interpolate` does without aligned corners."""
    places = np.float32(len(mel) / count) * (np.arange(count, dtype=np.float32) + np.float32(0.5)) - np.float32(0.5)
    places = np.maximum(places, 0)
    left = places.astype(int)
    right = np.minimum(left + 1, len(mel) - 1)
    weight = (places - left).astype(np.float32)[:, None]
    return mel[left] * (1 - weight) + mel[right] * weight
