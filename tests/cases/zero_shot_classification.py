"""Cases of zero-shot-classification."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.texts import BATCH, GETTYSBURG, LONG, SHORT, UNICODE

BART = "zero_shot_classification_bart"
DEBERTA = "zero_shot_classification_deberta_v2"
BERT = "zero_shot_classification_bert"
ALL = {"bart": BART, "deberta_v2": DEBERTA, "bert": BERT}
LABELS = ["war", "love", "animals", "the sea"]

CASES = [
    *(Case(f"{name}_one", checkpoint, SHORT, {"candidate_labels": LABELS}) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_multi_label", checkpoint, SHORT, {"candidate_labels": LABELS, "multi_label": True})
        for name, checkpoint in ALL.items()
    ),
    *(Case(f"{name}_list", checkpoint, BATCH, {"candidate_labels": LABELS[:3]}) for name, checkpoint in ALL.items()),
    *(
        Case(
            f"{name}_one_label",
            checkpoint,
            SHORT,
            {"candidate_labels": ["war"]},
            note="one label is scored as if it were multi_label",
        )
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_unicode", checkpoint, UNICODE, {"candidate_labels": ["Zürich", "東京", "crème brûlée"]})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_long", checkpoint, LONG, {"candidate_labels": LABELS}, note="the text is cut, never the label")
        for name, checkpoint in ALL.items()
    ),
    Case("list_of_one", BART, [SHORT], {"candidate_labels": LABELS}),
    Case("list_multi_label", DEBERTA, BATCH, {"candidate_labels": LABELS, "multi_label": True}),
    Case("generator", BART, Generator((SHORT, GETTYSBURG)), {"candidate_labels": LABELS}),
    Case(
        "labels_as_text",
        BART,
        SHORT,
        {"candidate_labels": "war, love,the sea , ,"},
        note="split at commas, spaces stripped, empty ones dropped",
    ),
    Case("one_label_as_text", BERT, SHORT, {"candidate_labels": "war"}),
    Case("label_twice", BART, SHORT, {"candidate_labels": ["war", "love", "war"]}),
    Case("many_labels", DEBERTA, SHORT, {"candidate_labels": GETTYSBURG.replace(",", "").split()}),
    Case(
        "hypothesis_template",
        BART,
        SHORT,
        {"candidate_labels": LABELS, "hypothesis_template": "It is about {}, is it not?"},
    ),
    Case(
        "hypothesis_template_multi_label",
        DEBERTA,
        SHORT,
        {"candidate_labels": LABELS, "hypothesis_template": "{}", "multi_label": True},
    ),
    Case("labels_of_constructor", BART, SHORT, init={"candidate_labels": LABELS, "multi_label": True}),
    Case(
        "template_without_place",
        BART,
        SHORT,
        {"candidate_labels": LABELS, "hypothesis_template": "It is about war."},
        refused="hypothesis_template",
        note=REFUSED_TOO,
    ),
    Case("no_labels", BART, SHORT, {"candidate_labels": []}, refused="label", note=REFUSED_TOO),
    Case("empty_text", BART, "", {"candidate_labels": LABELS}, refused="text|sequence|empty", note=REFUSED_TOO),
]
