"""Served answers of depth-estimation against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_depth_estimation = parity("depth-estimation")
