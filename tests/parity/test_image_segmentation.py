"""Served answers of image-segmentation against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_image_segmentation = parity("image-segmentation")
