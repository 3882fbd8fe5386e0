"""Cases of summarization. Sampling is not compared: each runtime draws its own numbers."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.texts import BATCH, BENNET, GETTYSBURG, LINCOLN, LONG, RABBIT, SHORT, SPACES, UNICODE

BART = "summarization_bart"
T5 = "summarization_t5"
PEGASUS = "summarization_pegasus"
ALL = {"bart": BART, "t5": T5, "pegasus": PEGASUS}
GREEDY = {"num_beams": 1, "no_repeat_ngram_size": 0, "early_stopping": False}

CASES = [
    *(Case(f"{name}_one", checkpoint, BENNET) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_list", checkpoint, BATCH) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_unicode", checkpoint, UNICODE) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_spaces", checkpoint, SPACES) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_lengths", checkpoint, GETTYSBURG, {"min_length": 12, "max_length": 20})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_greedy", checkpoint, [RABBIT[:200], LINCOLN, SHORT], {**GREEDY, "max_length": 60})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_beams", checkpoint, [RABBIT[:200], SHORT], {"num_beams": 3, "max_new_tokens": 20})
        for name, checkpoint in ALL.items()
    ),
    *(Case(f"{name}_truncation", checkpoint, LONG, {"truncation": True}) for name, checkpoint in ALL.items()),
    Case("list_of_one", BART, [SHORT], note="a list of dicts, as for the text alone"),
    Case("no_texts", BART, []),
    Case("generator", PEGASUS, Generator((SHORT, GETTYSBURG)), note="a list for each text"),
    Case("batch_size", PEGASUS, [SHORT, GETTYSBURG], {"batch_size": 2}),
    Case("init", PEGASUS, SHORT, init={"max_length": 8}),
    Case("too_long", BART, LONG, refused="tokens", note="the oracle fails inside the model"),
    Case("long_for_t5", T5, LONG, {"max_length": 10}, note="relative positions: any length"),
    Case("truncation_strategy", BART, LONG, {"truncation": "only_first"}),
    Case("do_not_truncate", BART, SHORT, {"truncation": "do_not_truncate"}),
    Case("clean_up", PEGASUS, SHORT, {"clean_up_tokenization_spaces": True}),
    Case("return_text", BART, SHORT, {"return_text": True}),
    Case(
        "return_tensors",
        BART,
        SHORT,
        {"return_tensors": True},
        refused="token ids",
        note="the oracle gives token ids; the served task gives text alone",
    ),
    Case("return_sequences", BART, SHORT, {"num_return_sequences": 3}),
    Case("return_sequences_of_list", T5, [SHORT, GETTYSBURG], {"num_return_sequences": 2}, note="a list for each text"),
    Case(
        "return_sequences_without_beams",
        PEGASUS,
        SHORT,
        {"num_return_sequences": 2},
        refused="num_return_sequences",
        note=REFUSED_TOO,
    ),
    Case("length_penalty", BART, GETTYSBURG, {"length_penalty": -2.0, "min_length": 2}),
    Case("early_stopping", T5, GETTYSBURG, {"early_stopping": False, "length_penalty": 0.5}),
    Case("never_early", BART, GETTYSBURG, {"early_stopping": "never"}),
    Case("repetition_penalty", PEGASUS, GETTYSBURG, {"repetition_penalty": 1.5}),
    Case("no_repeat_ngram_size", PEGASUS, GETTYSBURG, {"no_repeat_ngram_size": 2}),
    Case(
        "encoder_no_repeat_ngram_size",
        PEGASUS,
        ["act are more" * 4, SHORT],
        {"encoder_no_repeat_ngram_size": 1},
        note="padding of the batch does not count",
    ),
    Case("encoder_repetition_penalty", T5, [GETTYSBURG, SHORT], {**GREEDY, "encoder_repetition_penalty": 2.5}),
    Case("forced_tokens", BART, SHORT, {**GREEDY, "forced_bos_token_id": 70, "forced_eos_token_id": 71}),
    Case("decoder_start", PEGASUS, SHORT, {"decoder_start_token_id": 30}),
    Case("eos_token_id", PEGASUS, GETTYSBURG, {"eos_token_id": 40, "max_length": 20}),
    Case("stop_sequence", PEGASUS, BENNET, {"stop_sequence": "more"}),
    Case("stop_sequence_of_several", PEGASUS, BENNET, {"stop_sequence": "act are"}, note="the first token counts"),
    Case("unknown_parameter", BART, SHORT, {"max_new_token": 5}, refused="max_new_token", note=REFUSED_TOO),
    Case("not_text", BART, 5, refused="string", note=REFUSED_TOO),
    Case("empty_text", PEGASUS, "", note="the end token is enough"),
]
