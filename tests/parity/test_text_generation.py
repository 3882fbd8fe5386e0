"""Served answers of text-generation against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_text_generation = parity("text-generation")
