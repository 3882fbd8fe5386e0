"""Audio classification: audio to labels with scores. Follows AudioClassificationPipeline.

Models hear the whole audio (Wav2Vec2, HuBERT, ...), or a window at its start (Audio Spectrogram Transformer: 10 s,
Whisper: 30 s).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from python_backend import audio, speech_features
from python_backend.batching import Rows, Tensors, pad
from python_backend.checkpoint import read_json
from python_backend.classification import ClassificationPostprocess, classification_parameters
from python_backend.forward import Forward, Pass
from python_backend.parameters import InvalidInput, Parameters
from python_backend.speech_batches import SpeechBatches
from python_backend.speech_checkpoint import features_config
from python_backend.stage import Request, Stage

if TYPE_CHECKING:
    import torch

PARAMETERS = Parameters(*classification_parameters(top_k=5))

WINDOWED = ("audio-spectrogram-transformer", "whisper")
"""Model types whose features all have one size."""


class Preprocess(Stage):
    """AUDIO [batch, 1] bytes, or SAMPLES [batch, n] with SAMPLING_RATE [batch, 1] (default: the model's), to

    input_values [batch, samples] or input_features [batch, a, b], the other one empty; spectrograms are
        input_features here, whatever the model calls them;
    lengths [batch, 2]: samples or frames of a row, and how many of them the attention mask covers.

    Settings:
        max_audio_bytes: of an encoded file. Default 50,000,000.
        max_audio_seconds: of all audio of a request. Default 600.
        max_row_seconds: of one audio, where the model hears the whole. Default 120.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.extractor = speech_features.load(self.folder)
        self.windowed = read_json(self.folder, "config.json").get("model_type") in WINDOWED
        self.limits = audio.Limits(
            self.setting("max_audio_bytes", 50_000_000), self.setting("max_audio_seconds", 600.0)
        )
        self.max_row_seconds = self.setting("max_row_seconds", 120.0)

    def process(self, request: Request) -> Tensors:
        rate = self.extractor.sampling_rate
        features = []
        for samples, _ in audio.read(request.tensors, rate, self.limits):
            self.extractor.check(samples)
            if not self.windowed and len(samples) > self.max_row_seconds * rate:
                raise InvalidInput(
                    f"The audio has {len(samples) / rate:,.0f} s; this deployment takes {self.max_row_seconds:g} of "
                    "one audio (max_row_seconds). Send a part of it."
                )
            features.append(self.extractor(samples))
        values = pad([row.values for row in features])
        empty = np.zeros((len(features), *([0] * (4 - values.ndim))), np.float32)
        waveform, spectrogram = (values, empty) if values.ndim == 2 else (empty, values)
        lengths = np.array([(len(row.values), row.attended) for row in features])
        return {"input_values": waveform, "input_features": spectrogram, "lengths": lengths}


class Model(Forward):
    """input_values or input_features, and lengths, to logits [batch, labels].

    Settings, besides TorchStage's:
        max_batch_seconds: rows times longest row of a pass, where the model hears the whole audio. Default 60 on a CPU,
            1,200 on a GPU.
        max_batch_rows: rows of a pass, where it hears a window. Default 32.
    """

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForAudioClassification"

    def load(self) -> None:
        super().load()
        self.input_name = self.model.main_input_name
        self.batches = None
        if self.model.config.model_type not in WINDOWED:
            seconds = self.setting("max_batch_seconds", 60.0 if self.device == "cpu" else 1_200.0)
            rate = features_config(self.folder).get("sampling_rate", 16_000)
            self.batches = SpeechBatches(self.model, int(seconds * rate), self.workers, self.device)

    def inputs(self, request: Request) -> Tensors:
        sent = request.tensors
        return {self.input_name: sent["input_values"] if sent["input_values"].size else sent["input_features"]}

    def passes(self, rows: Rows, requests: list[Request]) -> Iterator[Pass]:
        if self.batches is None:
            yield from super().passes(rows, requests)
            return
        lengths, attended = np.concatenate([request.tensors["lengths"] for request in requests]).T.tolist()
        features = [row[:length] for row, length in zip(rows.tensors[self.input_name], lengths, strict=True)]
        origins = [(requests[request], row) for request, row in rows.origins]
        for indices in self.batches.groups(lengths, attended):
            inputs = self.batches.inputs([features[index] for index in indices], [attended[index] for index in indices])
            yield Pass(inputs, indices, np.empty(0, int), [origins[index] for index in indices])

    def reduce(self, outputs: Any) -> dict[str, torch.Tensor]:
        return {"logits": outputs.logits}


class Postprocess(ClassificationPostprocess):
    """logits to LABEL [batch, top_k] and SCORE [batch, top_k], best first."""

    PARAMETERS = PARAMETERS
