"""Checkpoints of fill-mask."""

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, recipe
from checkpoints.weights import Arrays

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


def without_frequencies(arrays: Arrays) -> None:
    """The frequencies of rotary positions are no weights: each model computes them."""
    for name in [name for name in arrays if name.endswith("inv_freq")]:
        del arrays[name]


@recipe
def esm() -> Recipe:
    """Residues of proteins, which stand in a row without spaces."""
    size = len(vocabulary.ESM_TOKENS)
    config = encoders.esm(vocab_size=size, mask_token_id=size - 1)
    gains = {"word_embeddings": 3.0, **encoders.ATTENTION}
    return Recipe("EsmForMaskedLM", config, vocabulary.esm(), gains, without_frequencies)
