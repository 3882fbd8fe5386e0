"""Checkpoints of text2text-generation."""

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, recipe


@recipe
def t5() -> Recipe:
    """No prefix, no settings: 20 new tokens where no length is asked for."""
    files = vocabulary.t5()
    return Recipe("T5ForConditionalGeneration", encoders.t5(), files, encoders.T5_TO_TEXT, encoders.end_often(1))


@recipe
def bart() -> Recipe:
    """Settings in generation_config.json."""
    files = vocabulary.roberta("BartTokenizer")
    files |= {"generation_config.json": {**encoders.BART_TOKENS, "max_length": 40}}
    config = encoders.bart()
    return Recipe("BartForConditionalGeneration", config, files, encoders.TEXT_TO_TEXT, encoders.end_often(2))
