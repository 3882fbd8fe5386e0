"""Served answers of feature-extraction against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_feature_extraction = parity("feature-extraction", tolerance=1e-3)
