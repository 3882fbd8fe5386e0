"""Served answers of object-detection against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_object_detection = parity("object-detection")
