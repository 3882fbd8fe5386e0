"""Tokenizers in the shapes that checkpoints on the Hub have, trained on a page of text.

Each function gives the tokenizer's files: tokenizer.json, tokenizer_config.json and special_tokens_map.json.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PAGE_TEXT = (Path(__file__).parents[2] / "tests" / "data" / "page.txt").read_text(encoding="utf-8")
VOCABULARY_SIZE = 1000


def files(tokenizer: Tokenizer, tokenizer_class: str, special: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A tokenizer's files; `special` are its special tokens by name, `settings` go to tokenizer_config.json."""
    added = {
        str(index): {
            "content": token.content,
            "lstrip": token.lstrip,
            "normalized": token.normalized,
            "rstrip": token.rstrip,
            "single_word": token.single_word,
            "special": token.special,
        }
        for index, token in sorted(tokenizer.get_added_tokens_decoder().items())
    }
    config = {
        "added_tokens_decoder": added,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 128,
        "tokenizer_class": tokenizer_class,
        **special,
        **settings,
    }
    return {
        "tokenizer.json": json.dumps(json.loads(tokenizer.to_str()), indent=2, ensure_ascii=False) + "\n",
        "tokenizer_config.json": config,
        "special_tokens_map.json": special,
    }


def ids(files: dict[str, Any]) -> dict[str, int]:
    """Each token of a tokenizer, by its files, with its id."""
    return Tokenizer.from_str(files["tokenizer.json"]).get_vocab()


def around(begin: str, end: str, mask: str = "<mask>") -> dict[str, Any]:
    """The special tokens of vocabularies that put the same ones around a text as around a sequence."""
    return {
        "bos_token": begin,
        "cls_token": begin,
        "pad_token": "<pad>",
        "eos_token": end,
        "sep_token": end,
        "unk_token": "<unk>",
        "mask_token": mask,
    }


def wordpiece(tokenizer_class: str, lowercase: bool = True, **settings: Any) -> dict[str, Any]:
    """As BERT's."""
    special = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    normalizer, words = normalizers.BertNormalizer(lowercase=lowercase), pre_tokenizers.BertPreTokenizer()
    pieces = [*special.values(), *frequent_pieces(normalizer, words, VOCABULARY_SIZE - len(special), "##")]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, words, decoders.WordPiece()
    tokenizer.add_special_tokens(list(special.values()))
    frame(tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    return files(tokenizer, tokenizer_class, special, do_lower_case=lowercase, **settings)


def roberta(
    tokenizer_class: str = "RobertaTokenizer", add_prefix_space: bool = False, **settings: Any
) -> dict[str, Any]:
    """Byte-level BPE as RoBERTa's and BART's: two separators in a pair, a mask that swallows the space before it."""
    special = around("<s>", "</s>")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    mask = AddedToken("<mask>", lstrip=True, normalized=False, special=True)
    train(tokenizer, byte_level_trainer(["<s>", "<pad>", "</s>", "<unk>", mask]))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=add_prefix_space)
    return files(tokenizer, tokenizer_class, special, add_prefix_space=add_prefix_space, **settings)


def gpt2(**settings: Any) -> dict[str, Any]:
    """Byte-level BPE as GPT-2's: one special token, no padding token."""
    special = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    train(tokenizer, byte_level_trainer(["<|endoftext|>"]))
    return files(tokenizer, "GPT2Tokenizer", special, **settings)


LLAMA_CHAT = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)


def llama3(**settings: Any) -> dict[str, Any]:
    """Byte-level BPE as Llama 3's: a token begins every text, headers begin the turns of a chat."""
    special = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
    tokens = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    words = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(words), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, byte_level_trainer(tokens))
    frame(tokenizer, "<|begin_of_text|> $A", "<|begin_of_text|> $A <|begin_of_text|>:1 $B:1")
    return files(tokenizer, "PreTrainedTokenizerFast", special, chat_template=LLAMA_CHAT, **settings)


def mistral(**settings: Any) -> dict[str, Any]:
    """BPE over words that begin with "▁", unknown characters as bytes, as Mistral's and Llama 2's."""
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    # Only training needs words: it would merge whole sentences else.
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", left=1)]
    )
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    train(tokenizer, trainers.BpeTrainer(vocab_size=VOCABULARY_SIZE, special_tokens=tokens, show_progress=False))
    frame(tokenizer, "<s> $A", "<s> $A <s>:1 $B:1")
    content = json.loads(tokenizer.to_str())
    content["pre_tokenizer"] = None
    content["added_tokens"] = content["added_tokens"][:3]
    return files(Tokenizer.from_str(json.dumps(content)), "PreTrainedTokenizerFast", special, **settings)


def albert(tokenizer_class: str = "AlbertTokenizer", **settings: Any) -> dict[str, Any]:
    """Unigram as ALBERT's and FNet's: lower case, without accents."""
    special = around("[CLS]", "[SEP]", mask="[MASK]")
    normalizer = normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
        ]
    )
    mask = AddedToken("[MASK]", lstrip=True, normalized=False, special=True)
    tokenizer = unigram(normalizer, SPLIT_METASPACE, ["<pad>", "<unk>", "[CLS]", "[SEP]", mask], "<unk>")
    frame(tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    return files(tokenizer, tokenizer_class, special, do_lower_case=True, keep_accents=False, **settings)


ESM_TOKENS = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO.-", "<null_1>", "<mask>"]


def esm(**settings: Any) -> dict[str, Any]:
    """ESM-2's residues of proteins, as on the Hub: vocab.txt alone."""
    special = {f"{name}_token": f"<{name}>" for name in ("cls", "pad", "eos", "unk", "mask")}
    return {
        "vocab.txt": "\n".join(ESM_TOKENS),
        "tokenizer_config.json": {
            "tokenizer_class": "EsmTokenizer",
            "model_max_length": 1000000000000000019884624838656,
        }
        | settings,
        "special_tokens_map.json": special,
    }


def xlnet(**settings: Any) -> dict[str, Any]:
    """Unigram as XLNet's: special tokens stand behind the text, the last one of a type of its own."""
    special = {
        "bos_token": "<s>",
        "cls_token": "<cls>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "sep_token": "<sep>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    mask = AddedToken("<mask>", lstrip=True, normalized=False, special=True)
    tokens = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", mask]
    tokenizer = unigram(normalizers.NFKC(), SPLIT_METASPACE, tokens, "<unk>")
    frame(tokenizer, "$A <sep> <cls>:2", "$A <sep> $B:1 <sep>:1 <cls>:2")
    return files(tokenizer, "XLNetTokenizer", special, **settings)


def xlm_roberta(**settings: Any) -> dict[str, Any]:
    """Unigram as XLM-RoBERTa's: case and accents kept."""
    special = around("<s>", "</s>")
    mask = AddedToken("<mask>", lstrip=True, normalized=False, special=True)
    tokenizer = unigram(normalizers.NFKC(), SPLIT_METASPACE, ["<s>", "<pad>", "</s>", "<unk>", mask], "<unk>")
    frame(tokenizer, "<s> $A </s>", "<s> $A </s> </s> $B </s>")
    return files(tokenizer, "XLMRobertaTokenizer", special, **settings)


def donut(*tokens: str, **settings: Any) -> dict[str, Any]:
    """XLM-RoBERTa's with `tokens`, tags that stand around the parts of what Donut writes: the first is special."""
    made = xlm_roberta(**settings)
    tokenizer = Tokenizer.from_str(made["tokenizer.json"])
    special = {**made["special_tokens_map.json"], "additional_special_tokens": [tokens[0]]}
    tokenizer.add_special_tokens([tokens[0]])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in tokens[1:]])
    return files(tokenizer, "XLMRobertaTokenizer", special, **settings)


def t5(**settings: Any) -> dict[str, Any]:
    """Unigram as T5's: an end token, and tokens that stand for what was taken out of a text."""
    special = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    extra = [f"<extra_id_{number}>" for number in range(10)]
    tokenizer = unigram(normalizers.NFKC(), SPLIT_METASPACE, ["<pad>", "</s>", "<unk>"], "<unk>")
    tokenizer.add_special_tokens(extra)
    frame(tokenizer, "$A </s>", "$A </s> $B:1 </s>:1")
    special |= {"additional_special_tokens": extra}  # type: ignore[dict-item]
    return files(tokenizer, "T5Tokenizer", special, extra_ids=len(extra), **settings)


def pegasus(**settings: Any) -> dict[str, Any]:
    """Unigram as Pegasus's: tokens of its pretraining come first."""
    special = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask_2>"}
    spare = ["<mask_1>", "<mask_2>", *(f"<unk_{number}>" for number in range(2, 8))]
    tokenizer = unigram(normalizers.NFKC(), SPLIT_METASPACE, ["<pad>", "</s>", *spare, "<unk>"], "<unk>")
    frame(tokenizer, "$A </s>", "$A $B </s>")
    return files(tokenizer, "PegasusTokenizer", special, offset=8, mask_token_sent="<mask_1>", **settings)


def multilingual(tokenizer_class: str, languages: list[str], **settings: Any) -> dict[str, Any]:
    """Unigram as mBART-50's and NLLB's: a token of each language, the text's own before it."""
    special = around("<s>", "</s>")
    tokenizer = unigram(normalizers.NFKC(), pre_tokenizers.Metaspace(), ["<s>", "<pad>", "</s>", "<unk>"], "<unk>")
    tokenizer.add_special_tokens(languages)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False, special=True)])
    frame(tokenizer, f"{languages[0]} $A </s>", f"{languages[0]} $A $B </s>")
    special |= {"additional_special_tokens": languages}
    return files(tokenizer, tokenizer_class, special, **settings)


def sentencepiece(pieces: dict[str, int], model_type: int) -> bytes:
    """A SentencePiece model: 1 is Unigram, with the scores of `unigram`; 2 is BPE, whose pieces are in their order."""
    from transformers.convert_slow_tokenizer import import_protobuf

    protocol: Any = import_protobuf()
    kind = protocol.ModelProto.SentencePiece
    model = protocol.ModelProto()
    for piece, type_ in (("<unk>", kind.UNKNOWN), ("<s>", kind.CONTROL), ("</s>", kind.CONTROL)):
        model.pieces.add(piece=piece, score=0.0, type=type_)
    total = sum(pieces.values())
    for rank, (piece, count) in enumerate(pieces.items()):
        score = float(-rank) if model_type == 2 else round(math.log((count + 1) / total), 4)
        model.pieces.add(piece=piece, score=score, type=kind.NORMAL)
    model.trainer_spec.model_type = model_type
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def sentencepiece_characters(letters: list[str]) -> bytes:
    """A SentencePiece model of single characters, as SpeechT5's: text is taken as it is."""
    from transformers.convert_slow_tokenizer import import_protobuf

    protocol: Any = import_protobuf()
    kind = protocol.ModelProto.SentencePiece
    model = protocol.ModelProto()
    special = {"<s>": kind.CONTROL, "<pad>": kind.CONTROL, "</s>": kind.CONTROL, "<unk>": kind.UNKNOWN}
    for piece, type_ in special.items():
        model.pieces.add(piece=piece, score=0.0, type=type_)
    for rank, letter in enumerate(["\u2581", *letters]):
        model.pieces.add(piece=letter, score=-float(rank), type=kind.NORMAL)
    model.trainer_spec.model_type = 4
    for number, name in enumerate(("bos", "pad", "eos", "unk")):
        setattr(model.trainer_spec, f"{name}_id", number)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def marian(**settings: Any) -> dict[str, Any]:
    """Marian's: a SentencePiece model for each language, one vocabulary of both with most of their pieces."""
    special = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    words = pre_tokenizers.Metaspace()
    source = frequent_pieces(normalizers.NFKC(), words, 700)
    target = frequent_pieces(normalizers.Lowercase(), words, 500)
    common = [piece for at, piece in enumerate(source) if at % 25 != 24]
    pieces = ["</s>", "<unk>", *common, *(piece for piece in target if piece not in common), ">>fra<<", ">>deu<<"]
    return {
        "source.spm": sentencepiece(source, 1),
        "target.spm": sentencepiece(target, 1),
        "vocab.json": {piece: index for index, piece in enumerate([*pieces, "<pad>"])},
        "tokenizer_config.json": {
            "tokenizer_class": "MarianTokenizer",
            "source_lang": "en",
            "target_lang": "mul",
            **special,
            **settings,
        },
        "special_tokens_map.json": special,
    }


def m2m100(languages: list[str], **settings: Any) -> dict[str, Any]:
    """M2M100's: a SentencePiece model, and a vocabulary behind which the tokens of the languages are numbered."""
    special = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "additional_special_tokens": [f"__{language}__" for language in languages],
    }
    pieces = frequent_pieces(normalizers.NFKC(), pre_tokenizers.Metaspace(), 800)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *pieces]
    return {
        "sentencepiece.bpe.model": sentencepiece(pieces, 2),
        "vocab.json": {token: index for index, token in enumerate(tokens)},
        "tokenizer_config.json": {"tokenizer_class": "M2M100Tokenizer", **special, **settings},
        "special_tokens_map.json": special,
    }


def deberta_v2(**settings: Any) -> dict[str, Any]:
    """Unigram as DeBERTa v2's and v3's."""
    special = {
        "bos_token": "[CLS]",
        "cls_token": "[CLS]",
        "pad_token": "[PAD]",
        "eos_token": "[SEP]",
        "sep_token": "[SEP]",
        "unk_token": "[UNK]",
        "mask_token": "[MASK]",
    }
    normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    tokenizer = unigram(normalizer, pre_tokenizers.Metaspace(), ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], "[UNK]")
    frame(tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    return files(tokenizer, "DebertaV2Tokenizer", special, do_lower_case=False, split_by_punct=False, **settings)


WHISPER_LANGUAGES = ("en", "de", "es", "fr")
WHISPER_TIMES = [f"<|{step * 0.02:.2f}|>" for step in range(1501)]


def whisper() -> dict[str, Any]:
    """Byte-level BPE as multilingual Whisper's: tokens for languages, tasks, and each 20 ms of half a minute."""
    end = "<|endoftext|>"
    special = {"bos_token": end, "eos_token": end, "unk_token": end, "pad_token": end}
    tokens = ["<|startoftranscript|>", *(f"<|{language}|>" for language in WHISPER_LANGUAGES)]
    tokens += [
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nospeech|>",
        "<|notimestamps|>",
    ]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, byte_level_trainer([]))
    tokenizer.add_special_tokens([end, *tokens])
    # Times are added but not special: decoding keeps them unless it is told otherwise.
    tokenizer.add_tokens([AddedToken(time, normalized=False) for time in WHISPER_TIMES])
    start = "<|startoftranscript|> <|notimestamps|>"
    frame(tokenizer, f"{start} $A {end}", f"{start} $A $B:1 {end}")
    return files(
        tokenizer,
        "WhisperTokenizer",
        special | {"additional_special_tokens": [end, *tokens]},
        add_prefix_space=False,
        model_max_length=448,
        processor_class="WhisperProcessor",
    )


CTC_VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]


def wav2vec2() -> dict[str, Any]:
    """Characters as Wav2Vec2's, a bar between words. This tokenizer has no tokenizer.json on the Hub either."""
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    config = {
        "do_lower_case": False,
        "processor_class": "Wav2Vec2Processor",
        "replace_word_delimiter_char": " ",
        "tokenizer_class": "Wav2Vec2CTCTokenizer",
        "word_delimiter_token": "|",
        **special,
    }
    return {
        "vocab.json": {character: index for index, character in enumerate(CTC_VOCABULARY)},
        "tokenizer_config.json": config,
        "special_tokens_map.json": special,
    }


# On the Hub, the older tokenizers split at white space first: no offset holds the space before a word.
SPLIT_METASPACE = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])


def unigram(
    normalizer: normalizers.Normalizer, words: pre_tokenizers.PreTokenizer, tokens: list[Any], unknown: str
) -> Tokenizer:
    """A Unigram tokenizer whose words begin with "▁"; `tokens` are its special tokens."""
    pieces = frequent_pieces(normalizer, words, VOCABULARY_SIZE - len(tokens))
    total = sum(pieces.values())
    scored = [(str(token), 0.0) for token in tokens]
    scored += [(piece, round(math.log((count + 1) / total), 4)) for piece, count in pieces.items()]
    tokenizer = Tokenizer(models.Unigram(scored, [str(token) for token in tokens].index(unknown)))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, words, decoders.Metaspace()
    tokenizer.add_special_tokens(tokens)
    return tokenizer


def frequent_pieces(
    normalizer: normalizers.Normalizer, words: pre_tokenizers.PreTokenizer, size: int, prefix: str = ""
) -> dict[str, int]:
    """The letters and most frequent parts of words of the page, and how often each stands there, `size` of them.

    `prefix` marks the parts that do not begin a word. The trainers for WordPiece and Unigram make other vocabularies on
    each run; BPE makes the same one, once the order of its letters is set.
    """
    letters = {letter for word, _ in words.pre_tokenize_str(normalizer.normalize_str(PAGE_TEXT)) for letter in word}
    alphabet = sorted(letters | {prefix + letter for letter in letters})
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix=prefix))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, words
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=alphabet, continuing_subword_prefix=prefix, show_progress=False
    )
    train(tokenizer, trainer)
    counter = Tokenizer(tokenizer.model)  # without its letters as special tokens
    counter.normalizer, counter.pre_tokenizer = normalizer, words
    counts = Counter(counter.encode(PAGE_TEXT).tokens)
    return {piece: counts[piece] for piece, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])}


def byte_level_trainer(special: list[Any]) -> trainers.BpeTrainer:
    """A trainer whose alphabet is all 256 bytes, so that nothing is unknown."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )


def train(tokenizer: Tokenizer, trainer: trainers.Trainer) -> None:
    """Train on the page."""
    tokenizer.train_from_iterator(PAGE_TEXT.splitlines(), trainer)


def frame(tokenizer: Tokenizer, single: str, pair: str) -> None:
    """Put special tokens around a text and around a pair, as the templates say."""
    names = {word.partition(":")[0] for word in pair.split() + single.split()} - {"$A", "$B"}
    special = [(name, tokenizer.token_to_id(name)) for name in sorted(names)]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=special)
