"""What the tasks of one audio have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .. import sources
from ..errors import InvalidInput
from ..transport import Array
from .base import Inputs, Row, Settings, Task, bytes_tensor, split

_MOST = np.iinfo(np.int32).max


class AudioTask(Task):
    """An audio in: a path, a URL, the bytes of a file, samples in an array at the model's sampling rate, or a dict of
    samples ("raw" or "array") and their "sampling_rate"; its "path" is ignored."""

    inputs: ClassVar[tuple[str, ...]] = ()  # AUDIO or SAMPLES
    batch_size = 4

    def items(self, inputs: Any, **parameters: Any) -> Inputs:
        return split(inputs, parameters)

    def load(self, item: Any, settings: Settings) -> Any:
        return sources.read(item) if isinstance(item, (str, Path)) else item

    def encode(self, item: Any, settings: Settings) -> Row:
        if isinstance(item, (bytes, bytearray)):
            return {"AUDIO": bytes_tensor([bytes(item)])}
        if not isinstance(item, Mapping):
            return {"SAMPLES": self._samples(item)}
        audio, rate = item["raw"] if item.get("raw") is not None else item.get("array"), item.get("sampling_rate")
        if audio is None or rate is None:
            raise InvalidInput('a dict needs the keys "raw" (or "array"), the samples, and "sampling_rate"')
        return {"SAMPLES": self._samples(audio), "SAMPLING_RATE": np.array([_rate(rate)], dtype=np.int32)}

    def _samples(self, audio: Any) -> Array:
        """A waveform as a tensor [n] FP32."""
        if not hasattr(audio, "__array__"):
            raise InvalidInput(
                f"audio must be a path, a URL, bytes, a numpy array or a dict, not {type(audio).__name__}"
            )
        samples = np.asarray(audio)
        if samples.ndim != 1:
            name = "".join(word.capitalize() for word in self.name.split("-"))
            raise InvalidInput(
                f"We expect a single channel audio input for {name}Pipeline, not one of shape {list(samples.shape)}: "
                "average the channels first"
            )
        if samples.dtype.kind not in "fiub":
            raise InvalidInput(f"audio must hold real numbers, not {samples.dtype}")
        return samples.astype(np.float32)


def _rate(rate: Any) -> int:
    try:
        if 0 <= rate == int(rate) <= _MOST:
            return int(rate)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InvalidInput(f"sampling_rate={rate!r} must be an integer: samples a second")
