"""Cases of token-classification."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.texts import BATCH, GETTYSBURG, LONG, SHORT, SPACES, UNICODE

BERT = "token_classification_bert"
ROBERTA = "token_classification_roberta"
FNET = "token_classification_fnet"
XLM_ROBERTA = "token_classification_xlm_roberta"
ALL = {"bert": BERT, "roberta": ROBERTA, "xlm_roberta": XLM_ROBERTA}
STRATEGIES = ("none", "simple", "first", "average", "max")

CASES = [
    *(Case(f"{name}_one", checkpoint, SHORT) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{strategy}", checkpoint, GETTYSBURG, {"aggregation_strategy": strategy})
        for name, checkpoint in ALL.items()
        for strategy in STRATEGIES
    ),
    *(
        Case(f"{name}_unicode_{strategy}", checkpoint, UNICODE, {"aggregation_strategy": strategy})
        for name, checkpoint in ALL.items()
        for strategy in ("none", "simple", "first")
    ),
    *(
        Case(f"{name}_stride", checkpoint, LONG, {"aggregation_strategy": "simple", "stride": 20})
        for name, checkpoint in ALL.items()
    ),
    Case("fnet_list", FNET, BATCH, {"aggregation_strategy": "simple"}, note="no mask: rows are not padded"),
    Case("fnet_ignore_nothing", FNET, SHORT, {"ignore_labels": []}),
    Case("strategy_of_constructor", BERT, SHORT, init={"aggregation_strategy": "simple"}),
    Case("list", BERT, BATCH),
    Case("list_simple", ROBERTA, BATCH, {"aggregation_strategy": "simple"}),
    Case("list_of_one", BERT, [SHORT]),
    Case("generator", BERT, Generator((SHORT, UNICODE)), {"aggregation_strategy": "max"}),
    Case("batch_size", BERT, BATCH, {"batch_size": 3, "aggregation_strategy": "simple"}),
    Case("empty_list", BERT, [], refused="input", note=REFUSED_TOO),
    Case("ignore_nothing", BERT, SHORT, {"ignore_labels": []}),
    Case("ignore_nothing_simple", ROBERTA, SHORT, {"ignore_labels": [], "aggregation_strategy": "simple"}),
    Case("ignore_labels", BERT, GETTYSBURG, {"ignore_labels": ["O", "B-PER", "I-PER"]}),
    Case("ignore_groups", BERT, GETTYSBURG, {"ignore_labels": ["PER"], "aggregation_strategy": "simple"}),
    Case("ignore_all", ROBERTA, SHORT, {"ignore_labels": ["O", "NOUN", "VERB", "ADJ"]}),
    Case("ignore_labels_of_constructor", BERT, SHORT, init={"ignore_labels": ["I-PER"]}),
    Case("stride_first", BERT, LONG, {"aggregation_strategy": "first", "stride": 0}),
    Case("stride_list", XLM_ROBERTA, [LONG, SHORT], {"aggregation_strategy": "simple", "stride": 40}),
    Case("stride_short_text", BERT, SHORT, {"aggregation_strategy": "simple", "stride": 10}),
    Case(
        "stride_without_strategy",
        BERT,
        LONG,
        {"stride": 10, "aggregation_strategy": "none"},
        refused="aggregation_strategy",
        note=REFUSED_TOO,
    ),
    Case(
        "stride_too_large",
        BERT,
        LONG,
        {"stride": 128, "aggregation_strategy": "simple"},
        refused="stride",
        note=REFUSED_TOO,
    ),
    Case("long_text_cut", BERT, LONG, note="cut to what the model takes, without a word"),
    Case("long_text_cut_simple", XLM_ROBERTA, LONG, {"aggregation_strategy": "simple"}),
    Case("empty_text", BERT, ""),
    Case("empty_text_simple", BERT, "", {"aggregation_strategy": "simple"}),
    Case("empty_text_first", ROBERTA, "", {"aggregation_strategy": "first"}),
    Case("spaces", ROBERTA, SPACES, {"aggregation_strategy": "simple"}),
    Case("spaces_xlm_roberta", XLM_ROBERTA, SPACES, {"aggregation_strategy": "average"}),
    Case(
        "special_tokens_in_text",
        BERT,
        "Alice [SEP] ran [MASK] home",
        note="tokens of the text that are special are left out",
    ),
]
