"""Served answers of zero-shot-audio-classification against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_zero_shot_audio_classification = parity("zero-shot-audio-classification")
