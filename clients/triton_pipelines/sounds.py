"""Sounds as the server gives them: float samples and their rate."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from os import PathLike
from typing import IO, Any

import numpy as np

from .errors import InvalidInput

_LOUDEST = 32767


def is_audio(value: Any) -> bool:
    """Whether this is what text-to-audio returns."""
    return isinstance(value, Mapping) and set(value) == {"audio", "sampling_rate"}


def save_wav(result: Mapping[str, Any], file: str | PathLike[str] | IO[bytes]) -> None:
    """Write what text-to-audio returned as a WAV file of 16 bits a sample; what is louder than 1 is clipped.

    result: "audio", [samples], [channels, samples] or [1, channels, samples] floats, and "sampling_rate".
    file: a path, or a file that is open for writing.
    """
    audio, rate = np.asarray(result["audio"]), int(result["sampling_rate"])
    if audio.dtype.kind != "f":
        raise InvalidInput(f"audio must hold floats from -1 to 1, not {audio.dtype}")
    channels = audio[0] if audio.ndim == 3 and len(audio) == 1 else np.atleast_2d(audio)
    if channels.ndim != 2 or not 1 <= len(channels) <= 2:
        raise InvalidInput(
            f"audio must be [samples], [channels, samples] or [1, channels, samples] with one channel or two, not "
            f"{list(audio.shape)}; a list of results is saved one by one"
        )
    frames = np.rint(np.clip(np.nan_to_num(channels.T), -1, 1) * _LOUDEST).astype("<i2")
    with wave.open(str(file) if isinstance(file, (str, PathLike)) else file, "wb") as writer:
        writer.setnchannels(len(channels))
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(frames.tobytes())
