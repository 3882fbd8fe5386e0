"""Served answers of visual-question-answering against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_visual_question_answering = parity("visual-question-answering")
