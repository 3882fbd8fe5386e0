"""Cases of fill-mask."""

from pathlib import Path
from typing import Any

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.texts import GETTYSBURG, LONG

BERT = "fill_mask_bert"
ROBERTA = "fill_mask_roberta"
ALBERT = "fill_mask_albert"
ESM = "fill_mask_esm"
ALL = {"bert": (BERT, "[MASK]"), "roberta": (ROBERTA, "<mask>"), "albert": (ALBERT, "[MASK]")}
CUT = {"tokenizer_kwargs": {"truncation": True}}


def mend(pipeline: Any, case: Case) -> dict[str, Any]:
    """Put back the head's bias: 4.48.1 replaces it by that of `lm_head.decoder`, which is not stored."""
    from safetensors.torch import load_file

    stored = load_file(Path(pipeline.model.config._name_or_path, "model.safetensors"))
    head = getattr(pipeline.model, "lm_head", None) or getattr(pipeline.model, "predictions", None)
    if head is not None and head.decoder.bias is not None:
        head.decoder.bias.data.copy_(stored.get("lm_head.bias", stored.get("predictions.bias")))
    return {}


CASES = [
    Case("esm_one", ESM, "MKTAYIAK<mask>RQISFVK"),
    Case("esm_two_masks", ESM, "M<mask>TAYI AKQR <mask>xyzK 12.-", {"top_k": 3}, note="one unknown token for xyz"),
    Case("esm_list", ESM, ["<mask>", "MKTAYIAKQRQISFVKSHFSRQ<mask>", "mkt<mask>"], {"top_k": 2}),
    Case("esm_targets", ESM, "MKTAYIAK<mask>RQ", {"targets": ["L", "K", "KL", "w"]}),
    *(
        Case(f"{name}_one", checkpoint, f"Alice was reading a {mask} by the bank.")
        for name, (checkpoint, mask) in ALL.items()
    ),
    *(
        Case(
            f"{name}_two_masks",
            checkpoint,
            f"The {mask} of the people, by the {mask}.",
            {"top_k": 3},
            note="a list a mask; other masks stay in the sequence",
        )
        for name, (checkpoint, mask) in ALL.items()
    ),
    *(
        Case(
            f"{name}_list",
            checkpoint,
            [f"Call me {mask}.", f"{mask} was dead: to begin with.", GETTYSBURG.replace("nation", mask, 1)],
        )
        for name, (checkpoint, mask) in ALL.items()
    ),
    *(
        Case(f"{name}_unicode", checkpoint, f"Élodie\u2019s cafe\u0301 — 東京 — 👩\u200d🚀 {mask} for 5 €.")
        for name, (checkpoint, mask) in ALL.items()
    ),
    *(
        Case(
            f"{name}_first",
            checkpoint,
            f"{mask} me Ishmael ! Do n't you know ?",
            note="the decoder cleans up spaces before marks where the tokenizer says so",
        )
        for name, (checkpoint, mask) in ALL.items()
    ),
    Case("list_of_one", BERT, ["Call me [MASK]."], note="a list of one gives its answers bare"),
    Case("list_of_mixed_masks", BERT, ["Call me [MASK].", "The [MASK] and the [MASK]."], {"top_k": 2}),
    Case("generator", BERT, Generator(("Call me [MASK].", "The [MASK] and the rabbit."))),
    Case(
        "batch_size",
        BERT,
        ["Call me [MASK].", "The [MASK] and the rabbit.", "The old [MASK] of the sea."],
        {"batch_size": 2},
    ),
    Case("top_k", BERT, "Call me [MASK].", {"top_k": 1}),
    Case("top_k_many", ROBERTA, "Call me <mask>.", {"top_k": 40}),
    Case("top_k_of_constructor", BERT, "Call me [MASK].", init={"top_k": 2}),
    Case("target", BERT, "Call me [MASK].", {"targets": "alice"}),
    Case("targets", BERT, "Call me [MASK].", {"targets": ["rabbit", "alice", "nation"]}),
    Case("targets_top_k", BERT, "Call me [MASK].", {"targets": ["rabbit", "alice", "nation"], "top_k": 2}),
    Case(
        "targets_twice",
        BERT,
        "Call me [MASK].",
        {"targets": ["alice", "alice", "people"]},
        note="named twice, answered once",
    ),
    Case(
        "targets_of_several_tokens",
        BERT,
        "Call me [MASK].",
        {"targets": ["unhallowed", "alice"]},
        note="the first token stands for the word",
    ),
    Case(
        "targets_with_space",
        ROBERTA,
        "Call me<mask>.",
        {"targets": [" people", "people", "Ġpeople"]},
        note="the space is part of the token",
    ),
    Case("targets_albert", ALBERT, "Call me [MASK].", {"targets": ["alice", "▁people", "rabbit"]}),
    Case("targets_two_masks", BERT, "The [MASK] and the [MASK].", {"targets": ["rabbit", "alice"]}),
    Case("targets_list", BERT, ["Call me [MASK].", "The [MASK] of the people."], {"targets": ["rabbit", "alice"]}),
    Case(
        "targets_empty_word",
        BERT,
        "Call me [MASK].",
        {"targets": [""]},
        refused="target",
        note=REFUSED_TOO,
    ),
    Case("targets_none", BERT, "Call me [MASK].", {"targets": []}, refused="target", note=REFUSED_TOO),
    Case("no_mask", BERT, "Call me Ishmael.", refused="mask", note=REFUSED_TOO),
    Case("wrong_mask", ROBERTA, "Call me [MASK].", refused="mask", note=REFUSED_TOO),
    Case("mask_alone", BERT, "[MASK]"),
    Case("mask_alone_roberta", ROBERTA, "<mask>"),
    Case("truncation", BERT, "The [MASK] of " + LONG, {**CUT, "top_k": 2}),
    Case(
        "max_length",
        ROBERTA,
        "The <mask> of " + GETTYSBURG,
        {"tokenizer_kwargs": {"truncation": True, "max_length": 12}},
    ),
    Case("mask_cut_away", BERT, LONG + " [MASK]", CUT, refused="mask", note=f"{REFUSED_TOO}: no mask is left"),
    Case(
        "special_tokens_in_text",
        BERT,
        "Call [SEP] me [MASK] [PAD] Ishmael.",
        {"top_k": 2},
        note="padding tokens of the text are dropped from the sequence",
    ),
]
