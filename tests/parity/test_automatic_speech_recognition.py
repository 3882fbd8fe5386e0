"""Served answers of automatic-speech-recognition against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_automatic_speech_recognition = parity("automatic-speech-recognition")
