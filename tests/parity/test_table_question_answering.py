"""Served answers of table-question-answering against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_table_question_answering = parity("table-question-answering")
