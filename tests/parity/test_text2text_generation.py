"""Served answers of text2text-generation against those of the pipeline of transformers 4.48.1."""

import pytest

from tests.parity.parity import parity

pytestmark = pytest.mark.filterwarnings("ignore:Stopping :UserWarning")  # as the pipeline does

test_text2text_generation = parity("text2text-generation")
