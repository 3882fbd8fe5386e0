"""Older vocabulary files (vocab.txt, vocab.json with merges.txt, SentencePiece models) to a tokenizers.Tokenizer.

transformers' converters do it. They ask a slow tokenizer, which transformers 5 no longer has, for its vocabulary and
options; `Slow` stands in for one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from installing.errors import InstallError

SENTENCEPIECE = ("spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "spm.model")
CONVERTIBLE = {
    "AlbertTokenizer", "BartTokenizer", "BarthezTokenizer", "BertTokenizer", "BigBirdTokenizer", "BlenderbotTokenizer",
    "CamembertTokenizer", "CLIPTokenizer", "CodeGenTokenizer", "ConvBertTokenizer", "DPRQuestionEncoderTokenizer",
    "DebertaTokenizer", "DebertaV2Tokenizer", "DistilBertTokenizer", "ElectraTokenizer", "FunnelTokenizer",
    "GPT2Tokenizer", "LEDTokenizer", "LayoutLMTokenizer", "LayoutLMv2Tokenizer", "LayoutLMv3Tokenizer",
    "LlamaTokenizer", "LongformerTokenizer", "LxmertTokenizer", "MBart50Tokenizer", "MBartTokenizer", "MPNetTokenizer",
    "MobileBertTokenizer", "MvpTokenizer", "NllbTokenizer", "OpenAIGPTTokenizer", "PegasusTokenizer", "Qwen2Tokenizer",
    "ReformerTokenizer", "RobertaTokenizer", "SqueezeBertTokenizer", "T5Tokenizer", "TapasTokenizer", "TapexTokenizer",
    "XLMRobertaTokenizer", "XLNetTokenizer",
}  # fmt: skip
"""What was compared with transformers 4.48."""
SAME_FILES = {"TapasTokenizer": "BertTokenizer", "TapexTokenizer": "BartTokenizer"}
"""Classes without a converter, by one whose vocabulary has the same form. What they do with tables is the task's."""


NO_FAST_FORM = "it works in Python alone, and serving rests on the tokenizers library"


class ConversionError(InstallError):
    """No tokenizer.json can be made of what the checkpoint has; the message says what helps."""


class Slow:
    """What converters ask a slow tokenizer: its options as attributes, its vocabulary, ids of its special tokens."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self._options = options
        self.vocab: dict[str, int] = {}
        self.pieces: list[str] = []
        if (folder / "vocab.txt").is_file():
            lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
            self.vocab = {token: id_ for id_, token in enumerate(lines[:-1] if not lines[-1] else lines)}
            self.basic_tokenizer = self
        elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            self.vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
            merges = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
            lines = [line for line in merges if line and not line.startswith("#version")]
            self.bpe_ranks = {tuple(line.split()): rank for rank, line in enumerate(lines)}
        else:
            found = next((folder / name for name in SENTENCEPIECE if (folder / name).is_file()), None)
            if found is None:
                raise ConversionError("the checkpoint has no tokenizer.json, and no vocabulary to make it of")
            self.vocab_file = str(found)
        self.encoder = self.vocab

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.endswith("_token_id"):
            return self.convert_tokens_to_ids(getattr(self, name.removesuffix("_id")))
        if name.endswith("_token") and not name.startswith("add_"):
            return str(self._options[name])
        value = self._options.get(name.removeprefix("_"))  # _extra_ids
        if value is None and name != "strip_accents":
            raise AttributeError(name)
        return value

    def convert_tokens_to_ids(self, token: str) -> int:
        return self.vocab[token]

    def convert_ids_to_tokens(self, id_: int) -> str:
        return self.pieces[id_]


class Merges:
    """transformers' SentencePieceExtractor, which needs the sentencepiece package for what is in the file itself."""

    def __init__(self, _file: str) -> None:
        pass

    def extract(self, scores: list[tuple[str, float]]) -> tuple[dict[str, int], list[tuple[str, str]]]:
        from transformers.convert_slow_tokenizer import generate_merges

        vocabulary = {piece: id_ for id_, (piece, _) in enumerate(scores)}
        return vocabulary, generate_merges(vocabulary, scores)


def convert(folder: Path, name: str, options: dict[str, Any]) -> Tokenizer:
    """The tokenizer of the fast class `name`, made of the older files in `folder`. ConversionError when that fails."""
    from transformers.convert_slow_tokenizer import SLOW_TO_FAST_CONVERTERS

    slow_name = name.removesuffix("Fast").replace("MT5", "T5")
    if slow_name not in CONVERTIBLE:
        remedy = "save it with transformers 4.48: AutoTokenizer.from_pretrained(...).save_pretrained(...)"
        raise ConversionError(
            f"the checkpoint has no tokenizer.json, and a {slow_name} cannot be converted here; "
            + (remedy if name.endswith("Fast") else NO_FAST_FORM)
        )
    slow = Slow(folder, options)
    kind = SLOW_TO_FAST_CONVERTERS[SAME_FILES.get(slow_name, slow_name)]
    try:
        converter = kind(slow)
        if hasattr(converter, "proto"):
            converter.SpmExtractor = Merges
            slow.pieces = [piece.piece for piece in converter.proto.pieces]
            slow.vocab = {str(options.get("mask_token")): 0}  # Pegasus asks whether it is among the first: it is
            slow.vocab = {piece: id_ for id_, (piece, _) in enumerate(converter.vocab(converter.proto))}
            slow.vocab.setdefault("eng_Latn", 0)  # NLLB's language, which tokenizer.py sees to
        return converter.converted()
    except Exception as error:  # whatever a damaged file leads the converters to
        raise ConversionError(
            f"the checkpoint's vocabulary cannot be converted to tokenizer.json: {error!r}"
        ) from error
