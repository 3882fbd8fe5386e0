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
    tokens = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    files = vocabulary.roberta("BartTokenizer") | {"generation_config.json": {**tokens, "max_length": 40}}
    config = encoders.bart()
    return Recipe("BartForConditionalGeneration", config, files, encoders.TEXT_TO_TEXT, encoders.end_often(2))
