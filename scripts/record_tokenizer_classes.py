"""Write scripts/installing/tokenizer_classes.json: what the fast tokenizer classes of transformers 4.48 assume and do.

    .oracle/bin/python scripts/record_tokenizer_classes.py

A checkpoint's tokenizer files rest on defaults of its class, and those changed in transformers 5. install.py writes
them out, so that what is served needs no class. The file holds
    "models": model_type -> the class that AutoTokenizer takes; slow ones end without "Fast";
    "classes": of each fast class the defaults of its arguments, its inputs, its padding side, which special tokens it
    gives a form of its own (and the slow class that it converts), which parts of the tokenizer it sets, and the
    tokens of its languages.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import transformers
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES, tokenizer_class_from_name

OUTPUT = Path(__file__).parent / "installing" / "tokenizer_classes.json"
PLAIN = (str, int, float, bool)
SETS = {  # what a class's source says when it sets that part
    "lower_case": 'get("lowercase"',
    "chinese_characters": 'get("handle_chinese_chars"',
    "offsets": 'tokenizer_component = "post_processor"',
    "first_and_last_token": "def update_post_processor",
    "extra_ids": "<extra_id_",
    "languages": "def set_src_lang_special_tokens",
    "unknown_tokens": "<unk_{i}>",
}
SLOW = ("EsmTokenizer", "M2M100Tokenizer", "MarianTokenizer", "TapasTokenizer", "TapexTokenizer")
"""Slow classes that have no fast one, and whose vocabulary becomes a tokenizer.json all the same."""
WRAPPED = re.compile(r"AddedToken\(\s*(?P<token>\w+_token),(?P<form>[^)]*)\)")


def main() -> None:
    mapping: Any = TOKENIZER_MAPPING_NAMES  # of 4.48: pairs of a slow and a fast class
    models = {model_type: fast or slow for model_type, (slow, fast) in sorted(mapping.items()) if fast or slow}
    fast = {name for name in models.values() if name.endswith("Fast")} - {"PreTrainedTokenizerFast"}
    names = sorted(fast | {*SLOW})
    classes = {name: describe(tokenizer_class_from_name(name)) for name in names}
    content = {"transformers": transformers.__version__, "models": models, "classes": classes}
    OUTPUT.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def describe(kind: Any) -> dict[str, Any]:
    source = "".join(inspect.getsource(parent) for parent in inspect.getmro(kind) if _is_model_specific(parent))
    slow = getattr(kind, "slow_tokenizer_class", None)
    defaults, slow_defaults = plain_defaults(kind), plain_defaults(slow)
    return {
        "defaults": defaults,
        "slow_defaults": {key: value for key, value in slow_defaults.items() if defaults.get(key) != value},
        "model_input_names": kind.model_input_names,
        "padding_side": kind.padding_side,
        "tokens": wrapped_tokens(kind),
        "slow_tokens": wrapped_tokens(slow),
        "sets": [part for part, text in SETS.items() if text in source],
        "languages": languages(kind),
    }


def languages(kind: Any) -> list[str]:
    """The tokens of the languages that the class has whether its files name them or not."""
    codes = getattr(inspect.getmodule(kind), "FAIRSEQ_LANGUAGE_CODES", [])
    return [f"__{code}__" for code in codes["m2m100"]] if isinstance(codes, dict) else codes


def plain_defaults(kind: Any) -> dict[str, Any]:
    parameters = inspect.signature(kind.__init__).parameters if kind else {}
    return {name: parameter.default for name, parameter in parameters.items() if _is_plain(parameter.default)}


def wrapped_tokens(kind: Any) -> dict[str, dict[str, bool]]:
    """How the class turns special tokens that are given as plain strings into added tokens: arguments of AddedToken."""
    source = inspect.getsource(kind.__init__) if kind else ""
    return {
        found["token"]: {key: value == "True" for key, value in re.findall(r"(\w+)=(True|False)", found["form"])}
        for found in WRAPPED.finditer(source)
    }


def _is_model_specific(kind: type) -> bool:
    return kind.__module__.startswith("transformers.models.")


def _is_plain(value: Any) -> bool:
    return isinstance(value, PLAIN) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


if __name__ == "__main__":
    main()
