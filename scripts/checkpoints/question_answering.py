"""Checkpoints of question-answering."""

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, recipe

HEAD = {"qa_outputs": 3.0, **encoders.ATTENTION}


@recipe
def bert() -> Recipe:
    """Question and context are two segments."""
    return Recipe("BertForQuestionAnswering", encoders.bert(), vocabulary.wordpiece("BertTokenizer"), HEAD)


@recipe
def roberta() -> Recipe:
    """Two separators between question and context; case is kept."""
    return Recipe("RobertaForQuestionAnswering", encoders.roberta(), vocabulary.roberta(), HEAD)


@recipe
def distilbert() -> Recipe:
    """No segments."""
    tokenizer = vocabulary.wordpiece("DistilBertTokenizer", lowercase=False)
    return Recipe("DistilBertForQuestionAnswering", encoders.distilbert(), tokenizer, HEAD)
