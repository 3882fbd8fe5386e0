"""Served answers of audio-classification against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_audio_classification = parity("audio-classification")
