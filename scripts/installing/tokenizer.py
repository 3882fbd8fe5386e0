"""A checkpoint's tokenizer as the fast tokenizers of transformers 4.48 set it up, written out in full.

What a tokenizer does rests on three things: tokenizer.json, options in tokenizer_config.json (and older files), and
what its class does with them when it is made (tokenizer_classes.json). `write` folds the second and third into
tokenizer.json, so that serving loads that with the tokenizers library alone, and into tokenizer_config.json, so that
special tokens and limits are all there.
"""

from __future__ import annotations

import json
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers, processors

from installing import byt5_tokenizer, esm_tokenizer, marian_tokenizer, siglip_tokenizer, speecht5_tokenizer
from installing.slow_tokenizer import NO_FAST_FORM, ConversionError, convert
from installing.source import VOCABULARIES, read_json

CLASSES = json.loads(Path(__file__).with_name("tokenizer_classes.json").read_text(encoding="utf-8"))
GENERIC: dict[str, Any] = {
    "defaults": {},
    "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
    "padding_side": "right",
    "tokens": {},
    "slow_defaults": {},
    "slow_tokens": {},
    "sets": [],
    "languages": [],
}
"""PreTrainedTokenizerFast."""
SLOW: dict[str, Any] = {
    siglip_tokenizer.NAME: {
        **GENERIC,
        "defaults": {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>", "model_max_length": 64},
        "model_input_names": ["input_ids", "attention_mask"],
    },
}
"""Classes that 4.48 has no fast one of."""
WITHOUT = ("Speech2TextTokenizer", "VitsTokenizer", "Wav2Vec2CTCTokenizer", "Wav2Vec2PhonemeCTCTokenizer")
"""Classes that have no tokenizer.json in transformers 4.48; serving reads their vocab.json."""
WITHOUT_VOCABULARY = ("CanineTokenizer", "PerceiverTokenizer")
"""Classes that have no file of their own: they number bytes or characters."""
TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
UNLIMITED = int(1e30)


class Setup(NamedTuple):
    """What a tokenizer is made of, besides its vocabulary."""

    name: str
    """The class: "BertTokenizerFast"; a slow one's name has no "Fast"."""
    traits: dict[str, Any]
    """Its entry in tokenizer_classes.json."""
    options: dict[str, Any]
    """The arguments that from_pretrained of 4.48 gives the class, its defaults included."""
    added: dict[int, AddedToken]


def write(source: Path, target: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json of the checkpoint `source` into the folder `target`.

    Does nothing for a checkpoint without a tokenizer. ConversionError where no tokenizer.json can be made.
    """
    if not has_tokenizer(source):
        if found := _named(source) & {*WITHOUT_VOCABULARY}:
            raise ConversionError(f"a {found.pop()} cannot be converted here; {NO_FAST_FORM}")
        return
    setup = read_setup(source)
    if setup.name in WITHOUT:
        return
    tokenizer = build(source, setup)
    tokenizer.save(str(target / "tokenizer.json"))
    config = full_config(read_json(source / "tokenizer_config.json"), setup)
    (target / "tokenizer_config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")


def has_tokenizer(source: Path) -> bool:
    files = ("tokenizer.json", "vocab.json", *VOCABULARIES)
    return byt5_tokenizer.NAME in _named(source) or any((source / name).is_file() for name in files)


def build(source: Path, setup: Setup) -> Tokenizer:
    """The tokenizer that serving needs, from tokenizer.json or the older vocabulary files."""
    try:
        if (slow := build_slow(source, setup)) is not None:
            return slow
    except Exception as error:  # whatever a damaged file leads to
        raise ConversionError(f"the checkpoint's vocabulary cannot become a tokenizer.json: {error}") from error
    tokenizer = load_or_convert(source, setup)
    tokenizer.no_padding()  # both are chosen with each call
    tokenizer.no_truncation()
    _form_tokens(setup.options, setup.traits["tokens"])
    _add_tokens(tokenizer, setup)
    _set_prefix_space(tokenizer, setup.options.get("add_prefix_space", False))
    for part in SETTERS.keys() & setup.traits["sets"]:
        SETTERS[part](tokenizer, setup)
    return tokenizer


def build_slow(source: Path, setup: Setup) -> Tokenizer | None:
    """The tokenizer of a class that has no fast form in 4.48, out of its own files; None for other classes."""
    if marian_tokenizer.is_mapped(source, setup.name):
        tokenizer, size = marian_tokenizer.convert(source, setup.name, setup.options, setup.traits["languages"])
        setup.options["mapped_vocabulary_size"] = size
        return tokenizer
    for module in (speecht5_tokenizer, esm_tokenizer, siglip_tokenizer):
        if setup.name == module.NAME and (source / module.FILE).is_file():
            return module.convert(source, setup.options, setup.added)
    return byt5_tokenizer.convert(setup.options, setup.added) if setup.name == byt5_tokenizer.NAME else None


def load_or_convert(source: Path, setup: Setup) -> Tokenizer:
    """The tokenizer as its file has it; of older files, and then the setup's options are those that such a one has."""
    file = source / "tokenizer.json"
    # These classes build the tokenizer anew when told whether texts get a leading space.
    anew = setup.name in ("LlamaTokenizerFast", "T5TokenizerFast") and setup.options.get("add_prefix_space") is not None
    if file.is_file() and not anew:
        return _load(file)
    try:
        made = convert(source, setup.name, setup.options)
    except ConversionError:
        if not file.is_file():
            raise
        return _load(file)
    # The options of the slow tokenizer that it is made of; its tokens were copied before they became special.
    forms = setup.traits["slow_tokens"].items()
    _form_tokens(setup.options, {key: {"normalized": not form.get("special", False), **form} for key, form in forms})
    setup.options.update({**setup.traits["slow_defaults"], **setup.options})
    return made


def read_setup(source: Path) -> Setup:
    """Class and options as AutoTokenizer and PreTrainedTokenizerBase._from_pretrained of 4.48 find them."""
    config, model = read_json(source / "tokenizer_config.json"), read_json(source / "config.json")
    named = config.get("tokenizer_class") or model.get("tokenizer_class")
    name = _fast(named) if named else CLASSES["models"].get(model.get("model_type"), "PreTrainedTokenizerFast")
    traits = SLOW.get(name) or CLASSES["classes"].get(name, GENERIC)
    options = {**traits["defaults"], **config}
    added = {int(id_): _token(token) for id_, token in config.get("added_tokens_decoder", {}).items()}
    legacy: dict[str, Any] = {}
    if "added_tokens_decoder" not in config:  # saved before transformers 4.34
        legacy = read_json(source / "special_tokens_map.json")
        for key, value in legacy.items():
            options[key] = _merged(options.get(key), value) if key == "additional_special_tokens" else _special(value)
        special = {_content(options[key]) for key in TOKENS if options.get(key)}
        special |= {_content(token) for token in options.get("additional_special_tokens") or ()}
        for content, id_ in read_json(source / "added_tokens.json").items():
            added[id_] = AddedToken(content, normalized=content not in special, special=content in special)
        for token in read_json(source / "tokenizer.json").get("added_tokens", ()):
            added[token["id"]] = _token(token)
    by_content = {token.content: token for token in added.values()}
    for key in TOKENS:
        if key in config or key in legacy:
            options[key] = by_content.get(_content(options[key]), options[key])
        if isinstance(options.get(key), dict):
            options[key] = _token(options[key])
    return Setup(name, traits, options, added)


def full_config(config: dict[str, Any], setup: Setup) -> dict[str, Any]:
    """tokenizer_config.json with nothing left to the class."""
    tokens = {key: _content(setup.options[key]) for key in TOKENS if setup.options.get(key) is not None}
    assumed = {
        "clean_up_tokenization_spaces": setup.options.get("clean_up_tokenization_spaces", False),
        "model_input_names": setup.traits["model_input_names"],
        "model_max_length": setup.options.get("model_max_length", UNLIMITED),
        "padding_side": setup.traits["padding_side"],
        "truncation_side": "right",
        "tokenizer_class": setup.name,
    }
    mapped = {key: value for key, value in setup.options.items() if key == "mapped_vocabulary_size"}
    return {**assumed, **config, **tokens, **mapped}


# What the classes do when they are made.


def _form_tokens(options: dict[str, Any], forms: dict[str, dict[str, bool]]) -> None:
    """Special tokens that are plain strings get the form that the class gives them: masks take in the space before."""
    for key, form in forms.items():
        if isinstance(options.get(key), str):
            options[key] = AddedToken(options[key], **form)


def _add_tokens(tokenizer: Tokenizer, setup: Setup) -> None:
    """PreTrainedTokenizerFast.__init__: tokens of the options that tokenizer.json lacks, or has in another form."""
    known = tokenizer.get_added_tokens_decoder()
    present = {repr(token) for token in known.values()}
    new = [token for _, token in sorted(setup.added.items(), key=itemgetter(0)) if repr(token) not in present]
    contents = {token.content for token in known.values()} | {token.content for token in new}
    special = [setup.options[key] for key in TOKENS if setup.options.get(key) is not None]
    special += [_special(token) for token in setup.options.get("additional_special_tokens") or ()]
    # A plain string only says that the token is special, and leaves alone what is known of it.
    new += [_token(token) for token in special if isinstance(token, AddedToken) or token not in contents]
    for token in new:
        token.special = token.special or token.content in map(_content, special)
    tokenizer.add_tokens(new)


def _set_prefix_space(tokenizer: Tokenizer, wanted: bool) -> None:
    state = _state(tokenizer.pre_tokenizer)
    if state.get("add_prefix_space", wanted) != wanted:
        kind = getattr(pre_tokenizers, state.pop("type"))
        tokenizer.pre_tokenizer = kind(**{**state, "add_prefix_space": wanted})


def _set_lower_case(tokenizer: Tokenizer, setup: Setup) -> None:
    """BertTokenizerFast and its like: the options win over the normalizer of tokenizer.json."""
    wanted = {
        "lowercase": setup.options["do_lower_case"],
        "strip_accents": setup.options.get("strip_accents"),
    }
    if "chinese_characters" in setup.traits["sets"]:
        wanted["handle_chinese_chars"] = setup.options["tokenize_chinese_chars"]
    state = _state(tokenizer.normalizer)
    if any(state.get(key, value) != value for key, value in wanted.items()):
        tokenizer.normalizer = getattr(normalizers, state.pop("type"))(**{**state, **wanted})


def _set_offsets(tokenizer: Tokenizer, setup: Setup) -> None:
    """RobertaTokenizerFast and its like: whether a token's offsets leave out the space before it."""
    wanted = {key: setup.options[key] for key in ("trim_offsets", "add_prefix_space")}
    state = _state(tokenizer.post_processor)
    if any(state.get(key, value) != value for key, value in wanted.items()):
        if state["type"] == "RobertaProcessing":
            ends = (tuple(state["sep"]), tuple(state["cls"]))
            tokenizer.post_processor = processors.RobertaProcessing(*ends, *wanted.values())
        elif state["type"] == "ByteLevel":
            tokenizer.post_processor = processors.ByteLevel(**{**state, **wanted})


def _set_first_and_last_token(tokenizer: Tokenizer, setup: Setup) -> None:
    """LlamaTokenizerFast.update_post_processor: bos before and eos after each text, as the options say."""
    special = []
    first = last = ""
    if setup.options["add_bos_token"]:
        first = _content(setup.options["bos_token"])
        special.append((first, tokenizer.token_to_id(first)))
    if setup.options["add_eos_token"]:
        last = _content(setup.options["eos_token"])
        special.append((last, tokenizer.token_to_id(last)))
    single, second = (
        [piece for piece in (first and f"{first}:{row}", f"${'AB'[row]}:{row}", last and f"{last}:{row}") if piece]
        for row in (0, 1)
    )
    tokenizer.post_processor = processors.TemplateProcessing(single, single + second, special)


def _set_extra_ids(tokenizer: Tokenizer, setup: Setup) -> None:
    """T5TokenizerFast: <extra_id_0> and so on are special tokens unless the options name some."""
    named = setup.options.get("additional_special_tokens") or ()
    if not any("<extra_id_" in _content(token) for token in named):
        known = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
        extra = [f"<extra_id_{number}>" for number in range(setup.options["extra_ids"])]
        tokenizer.add_special_tokens([token for token in extra if token not in known])


def _set_languages(tokenizer: Tokenizer, setup: Setup) -> None:
    """NllbTokenizerFast and its like: languages are special tokens, and the source language stands beside the text."""
    given = setup.options.get("additional_special_tokens")
    if given is None or setup.name != "NllbTokenizerFast":
        known = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
        tokenizer.add_special_tokens([code for code in setup.traits["languages"] if code not in known])
    source = setup.options.get("src_lang") or {"NllbTokenizerFast": "eng_Latn"}.get(setup.name, "en_XX")
    if setup.name == "SeamlessM4TTokenizerFast" and "__" not in source:
        source = f"__{source}__"
    end = _content(setup.options["eos_token"])
    behind = setup.name == "MBartTokenizerFast" or setup.options.get("legacy_behaviour")
    frame = ["$A", end, source] if behind else [source, "$A", end]
    special = [(token, tokenizer.token_to_id(token)) for token in (source, end)]
    pair = [*frame[: frame.index("$A") + 1], "$B", *frame[frame.index("$A") + 1 :]]
    tokenizer.post_processor = processors.TemplateProcessing(frame, pair, special)


def _set_unknown_tokens(tokenizer: Tokenizer, setup: Setup) -> None:
    """PegasusTokenizerFast: tokens of its pretraining are special ones."""
    sentence = setup.options.get("mask_token_sent")
    first = [] if sentence is None else [_content(sentence)]
    given = setup.options.get("additional_special_tokens")
    if given is None:
        names = first + [f"<unk_{number}>" for number in range(2, setup.options["offset"])]
    else:
        names = [name for name in first if name not in map(_content, given)] + [_content(token) for token in given]
        names += [f"<unk_{number}>" for number in range(len(names), setup.options["offset"] - 1)]
    known = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    tokenizer.add_special_tokens([name for name in names if name not in known])


SETTERS = {
    "lower_case": _set_lower_case,
    "offsets": _set_offsets,
    "first_and_last_token": _set_first_and_last_token,
    "extra_ids": _set_extra_ids,
    "languages": _set_languages,
    "unknown_tokens": _set_unknown_tokens,
}


# Files and tokens.


def _named(source: Path) -> set[Any]:
    """The classes that a checkpoint names."""
    return {read_json(source / name).get("tokenizer_class") for name in ("tokenizer_config.json", "config.json")}


def _load(file: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more telling
        raise ConversionError(f"{file.name} is damaged, or made by a newer tokenizers library: {error}") from None


def _fast(name: str) -> str:
    fast = name if name.endswith("Fast") else f"{name}Fast"
    known = name in CLASSES["classes"] or name in CLASSES["models"].values()
    return fast if fast in CLASSES["classes"] or not known else name


def _state(component: Any) -> dict[str, Any]:
    """A component's settings; none when there is no component, or one of a kind that has none."""
    try:
        return json.loads(component.__getstate__())
    except (AttributeError, TypeError, ValueError):
        return {}


def _content(token: str | dict[str, Any] | AddedToken) -> str:
    return token["content"] if isinstance(token, dict) else str(token)


def _token(token: str | dict[str, Any] | AddedToken) -> AddedToken:
    """An added token; a plain string becomes a special one."""
    if isinstance(token, str):
        return AddedToken(token, special=True)
    if isinstance(token, dict):
        return AddedToken(**{key: value for key, value in token.items() if key not in ("id", "__type")})
    return token


def _special(value: Any) -> Any:
    return _token({**value, "special": True}) if isinstance(value, dict) else value


def _merged(first: list[Any] | None, second: list[Any]) -> list[Any]:
    tokens = {_content(token): token for token in [*(first or ()), *map(_special, second)]}
    return list(tokens.values())
