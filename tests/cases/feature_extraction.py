"""Cases of feature-extraction."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.texts import GETTYSBURG, LONG, SHORT, SPACES, UNICODE

BERT = "feature_extraction_bert"
DISTILBERT = "feature_extraction_distilbert"
GPT2 = "feature_extraction_gpt2"
BART = "feature_extraction_bart"
DPR = "feature_extraction_dpr"
ALL = {"bert": BERT, "distilbert": DISTILBERT, "gpt2": GPT2, "bart": BART}
TEXTS = [SHORT, "Call me Ishmael."]

CASES = [
    *(Case(f"{name}_one", checkpoint, SHORT) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_list", checkpoint, TEXTS, note="one array [1, tokens, hidden] a text, not padded")
        for name, checkpoint in (("bert", BERT), ("gpt2", GPT2))
    ),
    Case(
        "dpr_list",
        DPR,
        TEXTS,
        expected=lambda answer: [[vectors] for vectors in answer],
        note="a model of one vector a text: [1, hidden] there; here [1, 1, hidden], as of one token",
    ),
    Case("list_of_one", BERT, TEXTS[1:]),
    Case("generator", DISTILBERT, Generator(tuple(TEXTS))),
    Case("tensor", BERT, SHORT, {"return_tensors": True}),
    Case("tensor_list", BERT, TEXTS, {"return_tensors": True}),
    Case("tensor_of_constructor", GPT2, "Call me Ishmael.", init={"return_tensors": True}),
    Case("unicode", BERT, UNICODE),
    Case("unicode_bart", BART, "Élodie\u2019s café 👩\u200d🚀"),
    Case("spaces", GPT2, SPACES),
    Case("empty_text", BERT, ""),
    Case("empty_text_bart", BART, ""),
    Case(
        "empty_text_gpt2",
        GPT2,
        "",
        refused="empty|token",
        note="no token, nothing to run: the oracle fails inside the model",
    ),
    Case("truncation", BERT, LONG, {"truncation": True, "return_tensors": True}),
    Case("max_length", BERT, GETTYSBURG, {"tokenize_kwargs": {"truncation": True, "max_length": 8}}),
    Case("without_special_tokens", BERT, SHORT, {"tokenize_kwargs": {"add_special_tokens": False}}),
    Case(
        "truncation_of_constructor", BERT, GETTYSBURG, init={"tokenize_kwargs": {"truncation": True, "max_length": 6}}
    ),
    Case(
        "truncation_twice",
        BERT,
        SHORT,
        {"truncation": True, "tokenize_kwargs": {"truncation": True}},
        refused="truncation",
        note=REFUSED_TOO,
    ),
    Case(
        "too_long",
        BERT,
        LONG,
        refused="truncation",
        note="the oracle fails inside the model; we say what to do instead",
    ),
]
