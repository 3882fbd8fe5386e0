"""Served answers of mask-generation against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_mask_generation = parity("mask-generation")
