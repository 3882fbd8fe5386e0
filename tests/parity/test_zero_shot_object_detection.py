"""Served answers of zero-shot-object-detection against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_zero_shot_object_detection = parity("zero-shot-object-detection")
