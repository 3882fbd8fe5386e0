"""Small tokenizers whose files leave something to their class, and what transformers 4.48 makes of them.

    .oracle/bin/python tests/tokenizer_cases.py     # writes tests/goldens/tokenizers.json

Each case is the files of a checkpoint without weights: JSON as values, text as strings, SentencePiece models as pieces.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

GOLDENS = Path(__file__).parent / "goldens" / "tokenizers.json"
TEXTS = ["Héllo the cat", " the <new> cat's 中 hats", "the[MASK]cat <mask> plain", "cat, the\tcat  the\n</s> cat"]

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "hello", "hat", "##s", "'", "s", "Hello", "h",
         "##éllo", "##é", "H", "中", ",", "<", ">", "new", "plain"]  # fmt: skip
WORDPIECE: dict[str, Any] = {
    "added_tokens": [
        {"id": id_, "content": WORDS[id_], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": True}
        for id_ in range(5)
    ],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                   "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {word: id_ for id_, word in enumerate(WORDS)}},
}  # fmt: skip

LETTERS = list("abcdehlnoptsHMASK,'<>/[]ĠÃ©Ċĉä\u00b8Ń")
MERGES = ["t h", "th e", "c a", "ca t", "Ġ the", "Ġ cat", "h a", "ha t"]
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *LETTERS, *(merge.replace(" ", "") for merge in MERGES)]
BYTE_LEVEL: dict[str, Any] = {
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True,
                       "add_prefix_space": False},
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "fuse_unk": False,
              "end_of_word_suffix": "", "vocab": {piece: id_ for id_, piece in enumerate(PIECES)},
              "merges": MERGES},
}  # fmt: skip
BYTE_LEVEL_FILES = {
    "vocab.json": BYTE_LEVEL["model"]["vocab"],
    "merges.txt": "#version: 0.2\n" + "\n".join(MERGES) + "\n",
}
BRACKETED = {"<s>": "[CLS]", "<pad>": "[PAD]", "</s>": "[SEP]", "<unk>": "[UNK]", "<mask>": "[MASK]"}
ENDINGS = ["t h", "th e</w>", "c a", "ca t</w>", "h a"]
ENDING_PIECES = [
    *("<unk>", "<s>", "</s>", "<pad>", "<mask>"),
    *(f"{letter}{end}" for letter in "abcdehlnopst,'" for end in ("", "</w>")),
    *(merge.replace(" ", "") for merge in ENDINGS),
]
NEW = {"content": "<new>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False, "special": True}
PLAIN = {
    "content": "plain",
    "lstrip": False,
    "rstrip": False,
    "normalized": True,
    "single_word": True,
    "special": False,
}

SUBWORDS = [
    "▁",
    "▁the",
    "▁cat",
    "h",
    "e",
    "l",
    "o",
    "H",
    "é",
    "a",
    "t",
    "s",
    "c",
    ",",
    "<",
    ">",
    "[",
    "]",
    "M",
    "▁plain",
]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def cases() -> dict[str, dict[str, Any]]:
    """The files of each case."""
    wordpiece, byte_level = {"tokenizer.json": WORDPIECE}, {"tokenizer.json": BYTE_LEVEL}
    vocabulary = {"vocab.txt": "\n".join(WORDS) + "\n"}
    llama = {"type": "bpe", "pieces": ["<unk>", "<s>", "</s>", *BYTES, *SUBWORDS, "th", "he", "the", "ca", "cat"]}
    return {
        "bert": {**wordpiece, **_class("BertTokenizer")},
        "bert_by_model_type": {**wordpiece, "config.json": {"model_type": "distilbert"}},
        "bert_cased_by_option": {**wordpiece, **_class("BertTokenizer", do_lower_case=False)},
        "bert_strips_accents_by_option": {
            **wordpiece,
            **_class("ElectraTokenizer", strip_accents=False, tokenize_chinese_chars=False),
        },
        "bert_added_tokens": {
            **wordpiece,
            **_class("BertTokenizer", added_tokens_decoder={"30": NEW, "31": PLAIN}, additional_special_tokens=["<x>"]),
        },
        "bert_added_tokens_of_old": {
            **wordpiece,
            **_class("BertTokenizer"),
            "added_tokens.json": {"plain": 23, "<new>": 24},
            "special_tokens_map.json": {"additional_special_tokens": ["<new>"], "mask_token": "[MASK]"},
        },
        "bert_vocabulary": {**vocabulary, **_class("BertTokenizer", do_lower_case=False)},
        "distilbert_vocabulary_alone": {**vocabulary, "config.json": {"model_type": "distilbert"}},
        "generic": {**wordpiece, **_class("PreTrainedTokenizerFast", pad_token="[PAD]", model_max_length=77)},
        "roberta": {**byte_level, **_class("RobertaTokenizer")},
        "roberta_leading_space": {
            **byte_level,
            **_class("RobertaTokenizer", add_prefix_space=True, trim_offsets=False),
        },
        "roberta_vocabulary": {**BYTE_LEVEL_FILES, **_class("RobertaTokenizer")},
        "bart_vocabulary_alone": {**BYTE_LEVEL_FILES, "config.json": {"model_type": "bart"}},
        "blenderbot_vocabulary": {**BYTE_LEVEL_FILES, **_class("BlenderbotTokenizer")},
        "deberta_vocabulary": {
            **BYTE_LEVEL_FILES,
            "vocab.json": {BRACKETED.get(piece, piece): id_ for id_, piece in enumerate(PIECES)},
            **_class("DebertaTokenizer"),
        },
        "funnel_vocabulary": {
            "vocab.txt": "\n".join(["<pad>", "<unk>", "<cls>", "<sep>", "<mask>", "<s>", "</s>", *WORDS[5:]]) + "\n",
            **_class("FunnelTokenizer"),
        },
        "openai_gpt_vocabulary": {
            "vocab.json": {piece: id_ for id_, piece in enumerate(ENDING_PIECES)},
            "merges.txt": "#version: 0.2\n" + "\n".join(ENDINGS) + "\n",
            **_class("OpenAIGPTTokenizer"),
        },
        "gpt2": {**byte_level, **_class("GPT2Tokenizer", unk_token="<unk>", bos_token="<s>", eos_token="</s>")},
        "gpt_neox_first_token": {
            **byte_level,
            **_class("GPTNeoXTokenizer", unk_token="<unk>", bos_token="<s>", eos_token="</s>", add_bos_token=True),
        },
        "llama_first_and_last_token": {
            **byte_level,
            **_class("LlamaTokenizer", add_eos_token=True, pad_token="<pad>"),
        },
        "llama_neither": {**byte_level, **_class("LlamaTokenizerFast", add_bos_token=False)},
        "llama_sentencepiece": {"tokenizer.model": llama, **_class("LlamaTokenizer")},
        "llama_sentencepiece_no_legacy": {"tokenizer.model": llama, **_class("LlamaTokenizer", legacy=False)},
        "llama_built_anew": {
            **byte_level,
            "tokenizer.model": llama,
            **_class("LlamaTokenizer", add_prefix_space=False, legacy=False),
        },
        "t5_sentencepiece": {
            "spiece.model": {"type": "unigram", "pieces": ["<pad>", "</s>", "<unk>", *SUBWORDS], "unk_id": 2},
            **_class("T5Tokenizer", extra_ids=3),
        },
        "barthez_sentencepiece": {
            "sentencepiece.bpe.model": {
                "type": "unigram",
                "pieces": ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *SUBWORDS],
                "unk_id": 3,
            },
            **_class("BarthezTokenizer"),
        },
        "reformer_sentencepiece": {
            "spiece.model": {"type": "unigram", "pieces": ["</s>", "<unk>", *SUBWORDS], "unk_id": 1},
            **_class("ReformerTokenizer"),
        },
        "xlm_roberta_sentencepiece": {
            "sentencepiece.bpe.model": {"type": "unigram", "pieces": ["<unk>", "<s>", "</s>", *SUBWORDS]},
            **_class("XLMRobertaTokenizer"),
        },
        "albert_sentencepiece": {
            "spiece.model": {
                "type": "unigram",
                "pieces": ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", *SUBWORDS],
                "unk_id": 1,
            },
            **_class("AlbertTokenizer"),
        },
        "mbart_sentencepiece": {
            "sentencepiece.bpe.model": {"type": "unigram", "pieces": ["<unk>", "<s>", "</s>", *SUBWORDS]},
            **_class("MBartTokenizer", src_lang="ro_RO"),
        },
        "mbart50_sentencepiece": {
            "sentencepiece.bpe.model": {"type": "unigram", "pieces": ["<unk>", "<s>", "</s>", *SUBWORDS]},
            **_class("MBart50Tokenizer"),
        },
        "nllb_sentencepiece": {
            "sentencepiece.bpe.model": {"type": "bpe", "pieces": ["<unk>", "<s>", "</s>", *SUBWORDS, "th", "the"]},
            **_class("NllbTokenizer", additional_special_tokens=["eng_Latn", "fra_Latn"], src_lang="fra_Latn"),
        },
        "nllb_legacy": {
            "sentencepiece.bpe.model": {"type": "bpe", "pieces": ["<unk>", "<s>", "</s>", *SUBWORDS, "th", "the"]},
            **_class("NllbTokenizer", legacy_behaviour=True),
        },
        "pegasus_sentencepiece": {
            "spiece.model": {"type": "unigram", "pieces": ["<pad>", "</s>", "<unk>", *SUBWORDS], "unk_id": 2},
            **_class("PegasusTokenizer"),
        },
        "deberta_v2_sentencepiece": {
            "spm.model": {"type": "unigram", "pieces": ["[PAD]", "[CLS]", "[SEP]", "[UNK]", *SUBWORDS], "unk_id": 3},
            **_class("DebertaV2Tokenizer"),
        },
    }


def two_step_cases() -> dict[str, dict[str, Any]]:
    """The files of tokenizers whose SentencePiece pieces have their ids in vocab.json, as no fast class has them."""
    source = {"type": "unigram", "pieces": ["<unk>", "<s>", "</s>", *SUBWORDS]}
    target = {"type": "unigram", "pieces": ["<unk>", "<s>", "</s>", "▁die", "▁Katze", "ß", "t", "s"]}
    # Of source some are missing, here the comma.
    known = [piece for piece in SUBWORDS if piece != ","]
    tokens = ["</s>", "<unk>", *known, "▁die", "▁Katze", "ß", ">>fra<<", "<pad>"]
    marian = {
        "source.spm": source,
        "target.spm": target,
        "vocab.json": {token: id_ for id_, token in enumerate(tokens)},
    }
    m2m100 = {
        "sentencepiece.bpe.model": {**source, "type": "bpe", "pieces": [*source["pieces"], "th", "the", "ca", "cat"]},
        "vocab.json": {
            token: id_ for id_, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *SUBWORDS, "th", "cat", "中"])
        },
    }
    languages = [f"__{code}__" for code in ("af", "am", "ar")]
    return {
        "marian": {**marian, **_class("MarianTokenizer")},
        "marian_by_model_type": {**marian, "config.json": {"model_type": "marian"}},
        "m2m100": {**m2m100, **_class("M2M100Tokenizer", src_lang="am", additional_special_tokens=languages)},
        "m2m100_wmt21": {
            **m2m100,
            **_class("M2M100Tokenizer", language_codes="wmt21", additional_special_tokens=["__en__", "__ha__"]),
        },
    }


def slow_cases() -> dict[str, dict[str, Any]]:
    """The files of tokenizers that have no fast class."""
    lower = [piece for piece in SUBWORDS if piece == piece.lower()]
    siglip = {"spiece.model": {"type": "unigram", "pieces": ["<unk>", "</s>", *lower]}}
    return {
        "siglip": {**siglip, **_class("SiglipTokenizer")},
        "siglip_by_model_type": {**siglip, "config.json": {"model_type": "siglip"}},
        "siglip_cased": {**siglip, **_class("SiglipTokenizer", do_lower_case=False, model_max_length=16)},
    }


TWO_STEP_TEXTS = [
    *TEXTS,
    "",
    "  cats   and\that  ",
    ">>fra<< the cat",
    ">>xyz<<the cat",
    "the >>fra<< cat",
    "__am__ the cat",
    "中 ß 中ß x",
    "die ▁Katze die",
    "the</s>cat<unk> <pad>",
]
SLOW_TEXTS = [
    *("Héllo the cat", "the cat's HATS, the cat.", "  cats   and\that  ", "", "!?", "中 ß 中ß x", "▁the ▁cat"),
    *("the-cat", "This is a photo of the cat."),
]


def write(files: dict[str, Any], folder: Path) -> None:
    for name, content in files.items():
        if name.endswith((".model", ".spm")):
            (folder / name).write_bytes(content if isinstance(content, bytes) else sentencepiece(content))
        else:
            text = content if isinstance(content, str) else json.dumps(_versioned(name, content))
            (folder / name).write_text(text, encoding="utf-8")


def sentencepiece(content: dict[str, Any]) -> bytes:
    """A SentencePiece model of the given pieces; the earlier, the likelier."""
    from transformers.convert_slow_tokenizer import import_protobuf

    protocol: Any = import_protobuf()
    model = protocol.ModelProto()
    unknown = content.get("unk_id", 0)
    control = {"<s>", "</s>", "<pad>", "[CLS]", "[SEP]", "[MASK]", "[PAD]"}
    for id_, text in enumerate(content["pieces"]):
        piece = model.pieces.add(piece=text, score=-float(id_) / 8)
        if id_ == unknown:
            piece.type = protocol.ModelProto.SentencePiece.UNKNOWN
        elif text in control:
            piece.type = protocol.ModelProto.SentencePiece.CONTROL
        elif text in BYTES:
            piece.type = protocol.ModelProto.SentencePiece.BYTE
    model.trainer_spec.model_type = {"unigram": 1, "bpe": 2}[content["type"]]
    model.trainer_spec.unk_id = unknown
    model.trainer_spec.unk_piece = content["pieces"][unknown]
    model.trainer_spec.byte_fallback = content["type"] == "bpe" and set(BYTES) <= set(content["pieces"])
    return model.SerializeToString()


def describe(encode: Any, backend: Any, config: dict[str, Any]) -> dict[str, Any]:
    """What is compared: ids and offsets of the texts, added tokens, and what tokenizer_config.json comes to say."""
    encodings = [encode(text) for text in TEXTS]
    return {
        "ids": [encoding.ids for encoding in encodings],
        "offsets": [[list(offset) for offset in encoding.offsets] for encoding in encodings],
        "pair": backend.encode("the cat", "cat").ids,
        "added_tokens": sorted(json.loads(backend.to_str())["added_tokens"], key=lambda token: token["id"]),
        **config,
    }


def _class(name: str, **options: Any) -> dict[str, Any]:
    return {"tokenizer_config.json": {"tokenizer_class": name, **options}}


def _versioned(name: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"version": "1.0", "truncation": None, "padding": None, **content} if name == "tokenizer.json" else content


def record() -> None:
    import transformers

    transformers.logging.set_verbosity_error()
    goldens = {}
    for name, files in cases().items():
        with tempfile.TemporaryDirectory() as folder:
            write(files, Path(folder))
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        backend = tokenizer.backend_tokenizer
        config = {
            key: getattr(tokenizer, key)
            for key in ("model_input_names", "model_max_length", "padding_side", "clean_up_tokenization_spaces")
        }
        tokens = {key: str(value) for key, value in tokenizer.special_tokens_map.items() if isinstance(value, str)}
        goldens[name] = describe(backend.encode, backend, {**config, **tokens})
    for name, files in two_step_cases().items():
        with tempfile.TemporaryDirectory() as folder:
            write(files, Path(folder))
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            ids = [tokenizer(text).input_ids for text in TWO_STEP_TEXTS]
            ids.append(list(range(len(files["vocab.json"]))))
            goldens[name] = {"ids": ids, "decoded": tokenizer.batch_decode(ids, skip_special_tokens=True)}
    for name, files in slow_cases().items():
        with tempfile.TemporaryDirectory() as folder:
            write(files, Path(folder))
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            config = {key: getattr(tokenizer, key) for key in ("model_input_names", "model_max_length", "pad_token")}
            goldens[name] = {"ids": [tokenizer(text).input_ids for text in SLOW_TEXTS], "config": config}
    lines = [f"{json.dumps(name)}: {json.dumps(golden, ensure_ascii=False)}" for name, golden in goldens.items()]
    GOLDENS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    record()
