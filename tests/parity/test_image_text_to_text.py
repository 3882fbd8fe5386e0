"""Served answers of image-text-to-text against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_image_text_to_text = parity("image-text-to-text")
