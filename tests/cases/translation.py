"""Cases of translation. Sampling is not compared: each runtime draws its own numbers.

The harness asks for "translation"; that a task's id chooses the languages is in tests/clients and tests/unit.
"""

from typing import Any

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.texts import BATCH, GETTYSBURG, LINCOLN, LONG, SHORT, SPACES, UNICODE

T5 = "translation_t5"
MARIAN = "translation_marian"
M2M100 = "translation_m2m100"
MBART50 = "translation_mbart50"
NLLB = "translation_nllb"
ALL: dict[str, tuple[str, dict[str, Any]]] = {
    "t5": (T5, {}),
    "marian": (MARIAN, {}),
    "m2m100": (M2M100, {"src_lang": "en", "tgt_lang": "fr"}),
    "mbart50": (MBART50, {"src_lang": "en_XX", "tgt_lang": "fr_XX"}),
    "nllb": (NLLB, {"src_lang": "eng_Latn", "tgt_lang": "fra_Latn"}),
}

CASES = [
    *(Case(f"{name}_one", checkpoint, SHORT, pair) for name, (checkpoint, pair) in ALL.items()),
    *(Case(f"{name}_list", checkpoint, BATCH, pair) for name, (checkpoint, pair) in ALL.items()),
    *(Case(f"{name}_unicode", checkpoint, UNICODE, pair) for name, (checkpoint, pair) in ALL.items()),
    *(Case(f"{name}_spaces", checkpoint, SPACES, pair) for name, (checkpoint, pair) in ALL.items()),
    *(
        Case(f"{name}_init", checkpoint, "Call me", {"max_length": 12}, pair)
        for name, (checkpoint, pair) in ALL.items()
    ),
    *(
        Case(f"{name}_greedy", checkpoint, [LINCOLN, SHORT, "Call me"], {**pair, "num_beams": 1, "max_length": 60})
        for name, (checkpoint, pair) in ALL.items()
    ),
    *(
        Case(f"{name}_beams", checkpoint, [GETTYSBURG, SHORT], {**pair, "num_beams": 4, "max_length": 30})
        for name, (checkpoint, pair) in ALL.items()
    ),
    *(
        Case(f"{name}_truncation", checkpoint, LONG, {**pair, "truncation": True, "max_length": 12})
        for name, (checkpoint, pair) in ALL.items()
        if checkpoint != M2M100
    ),
    *(Case(f"{name}_empty", checkpoint, "", {**pair, "max_length": 10}) for name, (checkpoint, pair) in ALL.items()),
    Case("list_of_one", T5, [SHORT]),
    Case("generator", NLLB, Generator((SHORT, "Call me")), ALL["nllb"][1]),
    Case("return_sequences", M2M100, [SHORT, "Call me"], {**ALL["m2m100"][1], "num_return_sequences": 2}),
    Case("languages_of_no_effect", T5, SHORT, {"src_lang": "en", "tgt_lang": "fr"}, note="T5 goes by the task's id"),
    Case("other_source", MBART50, SHORT, {"src_lang": "de_DE", "tgt_lang": "fr_XX"}),
    Case("other_target", MBART50, SHORT, {"src_lang": "en_XX", "tgt_lang": "ro_RO"}),
    Case("m2m100_other", M2M100, SHORT, {"src_lang": "zu", "tgt_lang": "af"}),
    Case("nllb_other", NLLB, SHORT, {"src_lang": "zho_Hans", "tgt_lang": "spa_Latn"}),
    Case("languages_missing", M2M100, SHORT, refused="src_lang", note=REFUSED_TOO),
    Case("target_missing", NLLB, SHORT, {"src_lang": "eng_Latn"}, refused="tgt_lang", note=REFUSED_TOO),
    Case(
        "unknown_language",
        M2M100,
        SHORT,
        {"src_lang": "en", "tgt_lang": "xx"},
        refused="no language 'xx'",
        note=REFUSED_TOO,
    ),
    Case(
        "unknown_language_of_nllb",
        NLLB,
        SHORT,
        {"src_lang": "eng_Latn", "tgt_lang": "French"},
        refused="no language 'French'.*fra_Latn",
        note="the oracle takes the unknown token for a language",
    ),
    Case("marian_code", MARIAN, [">>fra<< " + SHORT, ">>deu<< " + SHORT]),
    Case("marian_unknown_code", MARIAN, ">>xyz<< Call me", note="an unknown token"),
    Case("marian_code_within", MARIAN, "Call >>fra<< me", note="codes within a text are dropped"),
    Case("marian_special_tokens", MARIAN, "Call</s> me <unk><pad> Ishmael"),
    Case("m2m100_language_in_text", M2M100, "Call __fr__ me", ALL["m2m100"][1]),
    Case("too_long", MARIAN, LONG, refused="tokens", note="the oracle fails inside the model"),
    Case("long_for_m2m100", M2M100, LONG, {**ALL["m2m100"][1], "max_length": 12}, note="waves go on for ever"),
    Case("clean_up", NLLB, GETTYSBURG, {**ALL["nllb"][1], "clean_up_tokenization_spaces": True}),
    Case("forced_bos_token_id", MARIAN, SHORT, {"forced_bos_token_id": 50}),
    Case("stop_sequence", MARIAN, SHORT, {"stop_sequence": "the", "num_beams": 1}),
    Case(
        "return_tensors",
        T5,
        SHORT,
        {"return_tensors": True},
        refused="token ids",
        note="the oracle gives token ids; the served task gives text alone",
    ),
    Case("unknown_parameter", T5, SHORT, {"target": "fr"}, refused="target", note=REFUSED_TOO),
]
