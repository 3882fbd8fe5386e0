"""Checkpoints of feature-extraction."""

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, recipe


@recipe
def bert() -> Recipe:
    """An encoder with two segments."""
    return Recipe("BertModel", encoders.bert(), vocabulary.wordpiece("BertTokenizer"))


@recipe
def distilbert() -> Recipe:
    """An encoder without segments."""
    return Recipe("DistilBertModel", encoders.distilbert(), vocabulary.wordpiece("DistilBertTokenizer"))


@recipe
def gpt2() -> Recipe:
    """A decoder without a padding token and without tokens around a text."""
    return Recipe("GPT2Model", encoders.gpt2(), vocabulary.gpt2())


@recipe
def bart() -> Recipe:
    """An encoder and a decoder: the features are the decoder's."""
    return Recipe("BartModel", encoders.bart(), vocabulary.roberta("BartTokenizer"))


@recipe
def dpr() -> Recipe:
    """One vector a text, whatever its length."""
    config = {**encoders.bert(), "model_type": "dpr", "projection_dim": 24}
    return Recipe("DPRQuestionEncoder", config, vocabulary.wordpiece("DPRQuestionEncoderTokenizer"))
