"""Served answers of fill-mask against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_fill_mask = parity("fill-mask")
