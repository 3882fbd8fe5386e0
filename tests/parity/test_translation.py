"""Served answers of translation against those of the pipeline of transformers 4.48.1."""

import pytest

from tests.parity.parity import parity

pytestmark = pytest.mark.filterwarnings(
    "ignore:Your :UserWarning", "ignore:Stopping :UserWarning"
)  # as the pipeline does

test_translation = parity("translation")
