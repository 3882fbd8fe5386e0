"""Served answers of zero-shot-image-classification against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_zero_shot_image_classification = parity("zero-shot-image-classification")
