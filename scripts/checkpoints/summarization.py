"""Checkpoints of summarization."""

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, recipe

SUMMARY = {"early_stopping": True, "length_penalty": 2.0, "no_repeat_ngram_size": 3, "num_beams": 4}


@recipe
def bart() -> Recipe:
    """As of distilbart-cnn: a prefix, beams, lengths and forced tokens in config.json itself."""
    config = encoders.bart(**SUMMARY, max_length=24, min_length=6, forced_bos_token_id=0, prefix=" ")
    files = vocabulary.roberta("BartTokenizer")
    return Recipe("BartForConditionalGeneration", config, files, encoders.TEXT_TO_TEXT, encoders.end_often(2))


@recipe
def t5() -> Recipe:
    """A prefix and settings of its own for summaries; no table of positions."""
    task = {**SUMMARY, "max_length": 30, "min_length": 5, "prefix": "summarize: "}
    config = encoders.t5(task_specific_params={"summarization": task})
    return Recipe("T5ForConditionalGeneration", config, vocabulary.t5(), encoders.T5_TO_TEXT, encoders.end_often(1))


@recipe
def pegasus() -> Recipe:
    """Positions are waves of a fixed table; greedy."""
    tokens = {"pad_token_id": 0, "bos_token_id": None, "eos_token_id": 1, "forced_eos_token_id": 1}
    config = encoders.bart(**{"model_type": "pegasus", **tokens, "decoder_start_token_id": 0, "max_length": 32})
    files = vocabulary.pegasus()
    return Recipe("PegasusForConditionalGeneration", config, files, encoders.TEXT_TO_TEXT, encoders.end_often(1))
