"""audio-classification.

    classify = pipeline("audio-classification")
    classify("dog.flac", top_k=2)                                 # [{'score': 0.9, 'label': 'dog'}, {'score': ...}]
    classify([samples, {"raw": samples, "sampling_rate": 44100}])   # arrays, and arrays of another rate

From AudioClassificationPipeline. Without `top_k`, or with None, five labels come back. Two differences: the caller's
dict is left as it is, and a `function_to_apply` that pipeline() was given holds for every call.
"""

from __future__ import annotations

from typing import Any

from .audio import AudioTask
from .base import Row, Settings, choice, given, scalars, scored


class AudioClassification(AudioTask):
    name = "audio-classification"
    outputs = ("LABEL", "SCORE")

    def parameters(self, *, top_k: int | None = None, function_to_apply: Any = None, **others: Any) -> Settings:
        return Settings(scalars({**others, **given(top_k=top_k, function_to_apply=choice(function_to_apply))}))

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return scored(outputs)
