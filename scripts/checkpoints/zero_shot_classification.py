"""Checkpoints of zero-shot-classification: entailment between a text and "This example is LABEL."."""

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, label_maps, recipe

HEAD = {"classif": 3.0, **encoders.ATTENTION}


@recipe
def bart() -> Recipe:
    """The entailment label is the last one, as of bart-large-mnli."""
    config = encoders.bart(**label_maps(["contradiction", "neutral", "entailment"]))
    return Recipe("BartForSequenceClassification", config, vocabulary.roberta("BartTokenizer"), HEAD)


@recipe
def deberta_v2() -> Recipe:
    """The entailment label is the first one, in capitals."""
    config = encoders.deberta_v2(**label_maps(["ENTAILMENT", "NEUTRAL", "CONTRADICTION"]))
    return Recipe("DebertaV2ForSequenceClassification", config, vocabulary.deberta_v2(), HEAD)


@recipe
def bert() -> Recipe:
    """No label is called entailment: the last one is taken for it."""
    config = encoders.bert(**label_maps(["LABEL_0", "LABEL_1", "LABEL_2"]))
    return Recipe("BertForSequenceClassification", config, vocabulary.wordpiece("BertTokenizer"), HEAD)
