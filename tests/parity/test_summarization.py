"""Served answers of summarization against those of the pipeline of transformers 4.48.1."""

import pytest

from tests.parity.parity import parity

pytestmark = pytest.mark.filterwarnings(
    "ignore:Your :UserWarning", "ignore:Stopping :UserWarning"
)  # as the pipeline does

test_summarization = parity("summarization")
