"""Checkpoints of table-question-answering."""

import json
from typing import Any

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Files, Recipe, recipe

# Answers that depend on the words, and now and then on the answer before; all four aggregations.
GAINS = {
    "token_type_embeddings_3": 12.0,
    "word_embeddings": 8.0,
    "aggregation_classifier": 8.0,
    "column_output_weights": 10.0,
    "output_weights": 20.0,
    "query|key": 8.0,
    "value|att.*dense": 4.0,
}


def tapas(**more: Any) -> dict[str, Any]:
    """TAPAS: seven types of tokens."""
    return {
        "model_type": "tapas",
        **encoders.SIZES,
        "max_position_embeddings": 128,
        "type_vocab_sizes": [3, 64, 64, 2, 64, 64, 10],
        "pad_token_id": 0,
        **more,
    }


def tapas_tokenizer(lowercase: bool = True, **settings: Any) -> Files:
    """As on the Hub: vocab.txt alone. With digits, which the page has not, and the token of empty cells."""
    words = vocabulary.wordpiece("BertTokenizer", lowercase)
    pieces = list(json.loads(words["tokenizer.json"])["model"]["vocab"])
    digits = [f"{prefix}{digit}" for prefix in ("", "##") for digit in range(10)]
    pieces[5:5] = ["[EMPTY]", *(piece for piece in digits if piece not in pieces)]
    config = {
        "additional_special_tokens": ["[EMPTY]"],
        "do_lower_case": lowercase,
        "model_max_length": 128,
        "tokenizer_class": "TapasTokenizer",
        **settings,
    }
    return {
        "vocab.txt": "".join(f"{piece}\n" for piece in pieces),
        "tokenizer_config.json": config,
        "special_tokens_map.json": {**words["special_tokens_map.json"], "additional_special_tokens": ["[EMPTY]"]},
    }


def cell_selection(config: dict[str, Any], files: Files) -> Recipe:
    size = files["vocab.txt"].count("\n")
    return Recipe("TapasForQuestionAnswering", {**config, "vocab_size": size}, files, GAINS)


@recipe
def wtq() -> Recipe:
    """As those for WikiTableQuestions: what to do with the cells comes with them."""
    aggregation = {
        "num_aggregation_labels": 4,
        "aggregation_labels": {"0": "NONE", "1": "SUM", "2": "AVERAGE", "3": "COUNT"},
        "no_aggregation_label_index": 0,
        "use_answer_as_supervision": True,
        "temperature": 0.5,
    }
    return cell_selection(tapas(**aggregation), tapas_tokenizer())


@recipe
def wikisql() -> Recipe:
    """As those for WikiSQL: no column may be the answer, and no aggregation has a name of its own."""
    aggregation = {
        "num_aggregation_labels": 4,
        "aggregation_labels": {"0": "NONE", "1": "SUM", "2": "AVERAGE", "3": "COUNT"},
        "allow_empty_column_selection": True,
        "temperature": 0.76,
    }
    return cell_selection(tapas(**aggregation), tapas_tokenizer())


@recipe
def sqa() -> Recipe:
    """As those for SQA, questions one after the other: cells alone. Case is kept, and cells are cut."""
    config = tapas(reset_position_index_per_cell=False)
    return cell_selection(config, tapas_tokenizer(lowercase=False, cell_trim_length=6))


def tapex(files: Files, **generation: Any) -> Recipe:
    config = encoders.bart(vocab_size=len(files["vocab.json"]), max_position_embeddings=256, **generation)
    return Recipe("BartForConditionalGeneration", config, files, encoders.TEXT_TO_TEXT, encoders.end_often(2))


def tapex_tokenizer(**settings: Any) -> Files:
    """As on the Hub: vocab.json and merges.txt."""
    files = vocabulary.roberta("TapexTokenizer", model_max_length=256, **settings)
    model = json.loads(files.pop("tokenizer.json"))["model"]
    merges = "".join(f"{' '.join(merge)}\n" for merge in model["merges"])
    return {**files, "vocab.json": model["vocab"], "merges.txt": f"#version: 0.2\n{merges}"}


@recipe
def tapex_large() -> Recipe:
    """As the large ones: beams, small letters, a space before the text."""
    files = tapex_tokenizer(do_lower_case=True, max_cell_length=15)
    files["tokenizer_config.json"]["add_prefix_space"] = True
    return tapex(files, num_beams=3, max_length=24, no_repeat_ngram_size=3, early_stopping=True)


@recipe
def tapex_cased() -> Recipe:
    """Case is kept, cells are short, and the most likely token is taken."""
    return tapex(tapex_tokenizer(do_lower_case=False, max_cell_length=5))
