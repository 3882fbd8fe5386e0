"""Served answers of video-classification against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_video_classification = parity("video-classification")
