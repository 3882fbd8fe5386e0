"""Cases of text-classification."""

from tests.cases import Case, Generator
from tests.cases.texts import BATCH, GETTYSBURG, LONG, SHORT, SPACES, UNICODE

BERT = "text_classification_bert"
ROBERTA = "text_classification_roberta"
DISTILBERT = "text_classification_distilbert"
ALBERT = "text_classification_albert"
GPT2 = "text_classification_gpt2"
XLNET = "text_classification_xlnet"
PAIR = {"text": "Scrooge signed it.", "text_pair": "Marley was as dead as a door-nail."}
TOO_LONG = "the oracle fails inside the model, at a position that it has no embedding for; we say what to do instead"

CASES = [
    *(Case(f"{name.rpartition('_')[2]}_one", name, SHORT) for name in (BERT, ROBERTA, DISTILBERT, ALBERT, GPT2)),
    *(
        Case(f"{name.rpartition('_')[2]}_all", name, SHORT, {"top_k": None})
        for name in (BERT, ROBERTA, DISTILBERT, ALBERT, GPT2)
    ),
    *(Case(f"{name.rpartition('_')[2]}_batch", name, BATCH, {"top_k": 2}) for name in (BERT, ROBERTA, ALBERT, GPT2)),
    Case("xlnet_batch", XLNET, BATCH, {"top_k": None}, note="its last token stands for the text: rows are not padded"),
    Case("pair_xlnet", XLNET, [PAIR, {"text": SHORT, "text_pair": GETTYSBURG}], {"top_k": None}),
    Case("list", BERT, BATCH, note="a list without top_k: one dict a text, not a list of dicts"),
    Case("list_of_one", BERT, [SHORT], note="the same as a string: a list of one dict"),
    Case("empty_list", BERT, []),
    Case("generator", BERT, Generator((SHORT, GETTYSBURG, UNICODE))),
    Case("batch_size", BERT, BATCH, {"batch_size": 2}),
    Case("top_k_one", BERT, SHORT, {"top_k": 1}),
    Case("top_k_two", BERT, SHORT, {"top_k": 2}),
    Case("top_k_above_labels", BERT, SHORT, {"top_k": 10}),
    Case(
        "top_k_of_constructor",
        BERT,
        SHORT,
        init={"top_k": 2},
        note="wrapped once more, for the call itself has no top_k",
    ),
    Case("top_k_of_constructor_list", BERT, BATCH[:2], init={"top_k": 2}),
    Case("sigmoid", BERT, SHORT, {"function_to_apply": "sigmoid", "top_k": None}),
    Case("softmax", ALBERT, SHORT, {"function_to_apply": "softmax", "top_k": None}),
    Case("no_function", BERT, SHORT, {"function_to_apply": "none", "top_k": None}),
    Case("no_function_one_label", DISTILBERT, SHORT, {"function_to_apply": "none"}),
    Case(
        "softmax_one_label", DISTILBERT, BATCH, {"function_to_apply": "softmax"}, note="a softmax over one label is 1"
    ),
    Case("function_in_capitals", BERT, SHORT, {"function_to_apply": "SIGMOID"}),
    Case("function_of_constructor", BERT, SHORT, init={"function_to_apply": "none"}),
    Case("pair_bert", BERT, PAIR, {"top_k": None}, note="two segments"),
    Case("pair_roberta", ROBERTA, PAIR, {"top_k": None}, note="two separators between"),
    Case("pair_albert", ALBERT, PAIR, {"top_k": None}),
    Case("pair_without_top_k", BERT, PAIR, note="a dict gives a dict, where a string gives a list of one"),
    Case("dict_without_pair", BERT, {"text": SHORT}),
    Case("list_of_pairs", BERT, [PAIR, {"text": SHORT, "text_pair": GETTYSBURG}]),
    Case("nested_pair", BERT, [[[PAIR["text"], PAIR["text_pair"]]]], note="the old way to give a pair, still taken"),
    Case("truncation", BERT, LONG, {"truncation": True, "top_k": None}),
    Case("truncation_roberta", ROBERTA, LONG, {"truncation": True, "top_k": None}),
    Case("truncation_albert", ALBERT, [LONG, SHORT], {"truncation": True, "top_k": None}),
    Case("max_length", BERT, GETTYSBURG, {"truncation": True, "max_length": 12, "top_k": None}),
    Case(
        "pair_truncated",
        BERT,
        {"text": GETTYSBURG, "text_pair": SHORT},
        {"truncation": True, "max_length": 20, "top_k": None},
    ),
    Case("too_long", BERT, LONG, refused="truncation", note=TOO_LONG),
    Case("empty_text", BERT, "", {"top_k": None}),
    Case("empty_text_gpt2", GPT2, "", refused="empty|token", note="no token: the oracle fails inside the model"),
    Case("spaces_only", ROBERTA, "   ", {"top_k": None}),
    Case("unicode_bert", BERT, UNICODE, {"top_k": None}),
    Case("unicode_roberta", ROBERTA, UNICODE, {"top_k": None}),
    Case("unicode_albert", ALBERT, UNICODE, {"top_k": None}),
    Case("spaces", ALBERT, SPACES, {"top_k": None}),
    Case(
        "special_tokens_in_text",
        BERT,
        "Alice [SEP] ran [MASK] home [CLS]",
        {"top_k": None},
        note="they are taken for what they name",
    ),
]
