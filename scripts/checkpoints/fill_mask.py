"""Checkpoints of fill-mask."""

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, recipe

HEAD = {"word_embeddings": 3.0, "(predictions|lm_head).*bias": 5.0, **encoders.ATTENTION}


@recipe
def bert() -> Recipe:
    """[MASK]."""
    return Recipe("BertForMaskedLM", encoders.bert(), vocabulary.wordpiece("BertTokenizer"), HEAD)


@recipe
def roberta() -> Recipe:
    """<mask>, which swallows the space before it; a head with a bias of its own."""
    return Recipe("RobertaForMaskedLM", encoders.roberta(), vocabulary.roberta(), HEAD)


@recipe
def albert() -> Recipe:
    """[MASK] before a narrow embedding; a head with a bias of its own."""
    return Recipe("AlbertForMaskedLM", encoders.albert(), vocabulary.albert(), HEAD)
