"""Served answers of image-feature-extraction against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_image_feature_extraction = parity("image-feature-extraction")
