"""zero-shot-audio-classification: which of the caller's labels fits an audio.

    classify = pipeline("zero-shot-audio-classification")
    classify("dog.flac", candidate_labels=["Sound of a dog", "Sound of vacuum cleaner"])
    # [{'score': 0.99, 'label': 'Sound of a dog'}, ...]

From ZeroShotAudioClassificationPipeline. A string of labels is split at its commas; a dict of samples and their
"sampling_rate" is taken too.
"""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput
from .audio import AudioTask
from .base import Inputs, Row, Settings, given, scalars, scored
from .zero_shot_classification import label_tensor


class ZeroShotAudioClassification(AudioTask):
    name = "zero-shot-audio-classification"
    inputs = ("CANDIDATE_LABELS",)  # and AUDIO or SAMPLES
    outputs = ("LABEL", "SCORE", "COUNT")

    def items(self, inputs: Any = None, *, audios: Any = None, **parameters: Any) -> Inputs:
        return super().items(inputs if audios is None else audios, **parameters)

    def parameters(
        self, *, candidate_labels: Any = None, hypothesis_template: str | None = None, **others: Any
    ) -> Settings:
        sent = scalars({**others, **given(hypothesis_template=hypothesis_template)})
        return Settings(sent, label_tensor(candidate_labels))

    def encode(self, item: Any, settings: Settings) -> Row:
        if "CANDIDATE_LABELS" not in settings.tensors:
            raise InvalidInput("give candidate_labels: the labels to choose from")
        return super().encode(item, settings)

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return scored(outputs)[: int(outputs["COUNT"][0])]
