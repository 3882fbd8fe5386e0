"""Served answers of document-question-answering against those of the pipeline of transformers 4.48.1."""

from tests.parity.parity import parity

test_document_question_answering = parity("document-question-answering")
