"""Checkpoints of text-classification."""

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, label_maps, recipe

HEAD = {r"(^|\.)classifier|score": 4.0, **encoders.ATTENTION}


@recipe
def bert() -> Recipe:
    """Three labels, one answer: softmax."""
    config = encoders.bert(**label_maps(["negative", "neutral", "positive"]))
    return Recipe("BertForSequenceClassification", config, vocabulary.wordpiece("BertTokenizer"), HEAD)


@recipe
def roberta() -> Recipe:
    """Labels without names; pairs of texts have two separators."""
    config = encoders.roberta(**label_maps(["LABEL_0", "LABEL_1"]))
    return Recipe("RobertaForSequenceClassification", config, vocabulary.roberta(), HEAD)


@recipe
def distilbert() -> Recipe:
    """One label: a sigmoid."""
    config = encoders.distilbert(**label_maps(["toxicity"]))
    return Recipe("DistilBertForSequenceClassification", config, vocabulary.wordpiece("DistilBertTokenizer"), HEAD)


@recipe
def albert() -> Recipe:
    """Several answers at once: sigmoids, said by `problem_type`."""
    labels = label_maps(["joy", "anger", "fear", "surprise", "sadness"])
    config = encoders.albert(problem_type="multi_label_classification", **labels)
    return Recipe("AlbertForSequenceClassification", config, vocabulary.albert(), HEAD)


@recipe
def gpt2() -> Recipe:
    """A decoder without a padding token; reads its last token. Numbers instead of labels: no function."""
    names = label_maps(["helpfulness", "correctness", "coherence", "verbosity"])
    config = encoders.gpt2(problem_type="regression", **names)
    return Recipe("GPT2ForSequenceClassification", config, vocabulary.gpt2(), HEAD)


@recipe
def xlnet() -> Recipe:
    """Reads its last token whatever the attention mask says, so nothing is padded."""
    config = encoders.xlnet(**label_maps(["negative", "neutral", "positive"]))
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    tokenizer = vocabulary.xlnet(padding_side="left", model_input_names=inputs)
    return Recipe("XLNetForSequenceClassification", config, tokenizer, {"logits_proj|summary": 4.0})


@recipe
def bert_long() -> Recipe:
    """The 512 positions that real encoders have, for texts of every length."""
    config = encoders.bert(max_position_embeddings=512, **label_maps(["negative", "neutral", "positive"]))
    tokenizer = vocabulary.wordpiece("BertTokenizer", model_max_length=512)
    return Recipe("BertForSequenceClassification", config, tokenizer, HEAD)
