"""Samples to mel spectrograms. No torch."""

from __future__ import annotations

import numpy as np

BLOCK = 3_000
"""Frames transformed at a time: bounds memory on long audio."""


def frames(samples: np.ndarray, length: int, hop: int) -> np.ndarray:
    """[frames, length]: a view of the samples that moves on by `hop`; what fills no frame at the end is left out."""
    if len(samples) < length:
        return np.empty((0, length), samples.dtype)
    return np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]


def centred(samples: np.ndarray, length: int, hop: int) -> np.ndarray:
    """The same with frames centred at every hop from the first sample on; the sound is mirrored at its ends."""
    return frames(np.pad(samples, length // 2, mode="reflect"), length, hop)


def mel(
    windows: np.ndarray, window: np.ndarray, filters: np.ndarray, fft_length: int | None = None, *, emphasis: float = 0
) -> np.ndarray:
    """[frames, bins] float32: the power of each mel bin.

    Args:
        windows: [frames, length] of samples.
        window: [length] that they are weighted with.
        filters: [frequencies, bins]
        fft_length: to which frames are filled up with zeros. Default: length.
        emphasis: as speech recognizers in the manner of Kaldi take it: each frame loses its mean, and each sample so
            much of the one before.
    """
    powers = np.empty((len(windows), filters.shape[1]), np.float32)
    for at in range(0, len(windows), BLOCK):
        block = windows[at : at + BLOCK].astype(np.float64)
        if emphasis:
            block -= block.mean(axis=1, keepdims=True)
            block[:, 1:] -= emphasis * block[:, :-1]
            block[:, 0] *= 1 - emphasis
        spectrum = np.fft.rfft(block * window, fft_length)
        powers[at : at + BLOCK] = np.square(np.abs(spectrum)) @ filters
    return powers
