"""Cases of text2text-generation. Sampling is not compared: each runtime draws its own numbers."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.texts import BATCH, GETTYSBURG, LINCOLN, LONG, SHORT, SPACES, UNICODE

T5 = "text2text_generation_t5"
BART = "text2text_generation_bart"
ALL = {"t5": T5, "bart": BART}
QUESTION = f"question: Who met Mr. Bennet? context: {SHORT}"

CASES = [
    *(Case(f"{name}_one", checkpoint, QUESTION) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_list", checkpoint, BATCH) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_unicode", checkpoint, UNICODE) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_spaces", checkpoint, SPACES) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_long", checkpoint, [QUESTION, LINCOLN], {"max_new_tokens": 60})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_beams", checkpoint, [QUESTION, SHORT], {"num_beams": 4, "max_length": 25})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_return_sequences", checkpoint, QUESTION, {"num_beams": 3, "num_return_sequences": 3})
        for name, checkpoint in ALL.items()
    ),
    *(Case(f"{name}_truncation", checkpoint, LONG, {"truncation": True}) for name, checkpoint in ALL.items()),
    Case("list_of_one", T5, [QUESTION]),
    Case("generator", BART, Generator((SHORT, GETTYSBURG)), {"max_length": 12}),
    Case("default_length", T5, "Call me", note="no length given: 20 new tokens"),
    Case("too_long", BART, LONG, refused="tokens", note="the oracle fails inside the model"),
    Case("clean_up", T5, GETTYSBURG, {"clean_up_tokenization_spaces": True, "max_length": 40}),
    Case("min_length", T5, QUESTION, {"min_length": 15}),
    Case("min_new_tokens", T5, QUESTION, {"min_new_tokens": 15, "max_new_tokens": 16}),
    Case("return_text", T5, SHORT, {"return_text": True, "return_tensors": False}),
    Case(
        "return_tensors",
        T5,
        SHORT,
        {"return_tensors": True},
        refused="token ids",
        note="the oracle gives token ids; the served task gives text alone",
    ),
    Case("stop_sequence", T5, "Call me", {"stop_sequence": "ging", "max_length": 12}),
    Case("extra_ids", T5, "Alice <extra_id_0> the bank <extra_id_1>", {"max_length": 12}, note="tokens of their own"),
    Case("greedy_said", BART, QUESTION, {"do_sample": False, "num_beams": 1, "max_length": 12}),
    Case("renormalized", BART, QUESTION, {"renormalize_logits": True, "num_beams": 2, "max_length": 12}),
    Case("too_many_new_tokens", BART, SHORT, {"max_new_tokens": 500}, refused="at most", note="an IndexError there"),
    Case("length_used_up", T5, SHORT, {"max_length": 1}, refused="max_length", note=REFUSED_TOO),
    Case("unknown_parameter", T5, SHORT, {"prefix": "x"}, refused="prefix", note=REFUSED_TOO),
    Case("not_text", T5, {"text": SHORT}, refused="string", note=REFUSED_TOO),
    Case("empty_text", T5, "", note="the end token is enough"),
]
