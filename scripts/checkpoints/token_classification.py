"""Checkpoints of token-classification."""

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, label_maps, recipe

HEAD = {"classifier": 3.0, "word_embeddings": 4.0, "token_type_embeddings": 0.1}
PEOPLE_AND_PLACES = label_maps(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])


@recipe
def bert() -> Recipe:
    """Entities that begin (B-) and go on (I-); words in pieces that begin with ##."""
    return Recipe(
        "BertForTokenClassification",
        encoders.bert(**PEOPLE_AND_PLACES),
        vocabulary.wordpiece("BertTokenizer", lowercase=False),
        HEAD,
    )


@recipe
def roberta() -> Recipe:
    """Labels without B- and I-; the tokens of a word do not show that they belong together."""
    labels = label_maps(["O", "NOUN", "VERB", "ADJ"])
    return Recipe(
        "RobertaForTokenClassification", encoders.roberta(**labels), vocabulary.roberta(), HEAD | encoders.ATTENTION
    )


@recipe
def xlm_roberta() -> Recipe:
    """Unigram pieces, whose offsets may hold the space before a word."""
    config = encoders.roberta("xlm-roberta", **PEOPLE_AND_PLACES)
    return Recipe("XLMRobertaForTokenClassification", config, vocabulary.xlm_roberta(), HEAD)


@recipe
def fnet() -> Recipe:
    """No attention and no mask for it, so nothing is padded."""
    config = encoders.fnet(**PEOPLE_AND_PLACES)
    return Recipe("FNetForTokenClassification", config, vocabulary.albert("FNetTokenizer"), HEAD)
