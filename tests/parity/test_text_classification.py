"""Served answers of text-classification against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_text_classification = parity("text-classification")
