"""Served answers of token-classification against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_token_classification = parity("token-classification")
