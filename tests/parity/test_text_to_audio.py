"""Served answers of text-to-audio against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_text_to_audio = parity("text-to-audio")
