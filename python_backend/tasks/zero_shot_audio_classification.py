"""Zero-shot audio classification: audio to labels of the caller's own, with CLAP. Follows
ZeroShotAudioClassificationPipeline, but that one looks at random parts of audio longer than the model takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from python_backend import audio, candidate_labels
from python_backend.clap_features import ClapFeatureExtractor
from python_backend.forward import to_numpy
from python_backend.labelled import LabelledForward, LabelledPostprocess, texts_of
from python_backend.parameters import Parameters, Text
from python_backend.speech_checkpoint import features_config
from python_backend.stage import Request, Stage, Tensors

PARAMETERS = Parameters(
    Text("hypothesis_template", default="This is a sound of {}.", doc="The sentence; {} is where the label goes."),
)


class Preprocess(Stage):
    """AUDIO [batch, 1] bytes, or SAMPLES [batch, n] with SAMPLING_RATE [batch, 1] (default: the model's), and
    CANDIDATE_LABELS [batch, labels], padded with empty strings, to

    input_features [batch, channels, frames, bins] FP32 and is_longer [batch, 1] BOOL of the audio;
    input_ids [batch, labels, length] INT64 and text_lengths [batch, labels] INT32 of a sentence a label.

    Settings:
        max_audio_bytes: of an encoded file. Default 50,000,000.
        max_audio_seconds: of all audio of a request. Default 600.
        max_text_bytes: of the sentences of one audio together. Default 100,000.
        max_candidate_labels: of one audio. Default 1,000: a label is a text to encode.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.extractor = ClapFeatureExtractor(features_config(self.folder))
        self.tokenizer = candidate_labels.LabelTokenizer(self.folder)
        self.limits = audio.Limits(
            self.setting("max_audio_bytes", 50_000_000), self.setting("max_audio_seconds", 600.0)
        )
        self.max_text_bytes = self.setting("max_text_bytes", 100_000)
        self.max_labels = self.setting("max_candidate_labels", 1_000)

    def process(self, request: Request) -> Tensors:
        template = request.parameters["hypothesis_template"]
        labels = [
            candidate_labels.read(row, self.max_labels, self.max_text_bytes)
            for row in request.tensors["CANDIDATE_LABELS"]
        ]
        sentences = [candidate_labels.sentences(template, row, self.max_text_bytes) for row in labels]
        tokens = self.tokenizer.labels(sentences, request.parameters)
        sounds = audio.read(request.tensors, self.extractor.sampling_rate, self.limits)
        features = [self.extractor(samples) for samples, _ in sounds]
        return {
            "input_features": np.stack([row.values for row in features]),
            "is_longer": np.array([[row.is_longer] for row in features]),
            **tokens,
        }


class Row(NamedTuple):
    """One audio and its texts."""

    features: np.ndarray
    """[channels, frames, bins]"""
    is_longer: np.ndarray
    """[1]"""
    ids: np.ndarray
    """[labels, length]"""
    lengths: np.ndarray
    """[labels]"""

    @property
    def key(self) -> Any:
        """Equal for rows that may share a pass."""
        return self.features.shape, self.ids.shape, self.ids.tobytes(), self.lengths.tobytes()


class Model(LabelledForward):
    """Features and token ids to logits [batch, labels] FP32: how well each text fits the audio."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModel"

    def labelled(self, request: Request) -> list[Row]:
        rows = zip(request.tensors["input_features"], request.tensors["is_longer"], strict=True)
        return [Row(*row, *texts_of(request, number)) for number, row in enumerate(rows)]

    def forward_rows(self, rows: Sequence[Row]) -> list[dict[str, np.ndarray]]:
        outputs = self.model(
            **self.text_inputs(rows[0].ids, rows[0].lengths),
            input_features=self.to_device(np.stack([row.features for row in rows])),
            is_longer=self.to_device(np.stack([row.is_longer for row in rows])),
        )
        return [{"logits": row} for row in to_numpy(outputs.logits_per_audio)]


class Postprocess(LabelledPostprocess):
    """logits and CANDIDATE_LABELS [batch, labels] to LABEL and SCORE [batch, labels], best first, and COUNT [batch, 1],
    the labels of each row."""

    PARAMETERS = PARAMETERS
