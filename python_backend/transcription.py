"""Token ids of an item's forward rows to its text and chunks, one transcriber for each family of models. No torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from python_backend import ctc, whisper
from python_backend.checkpoint import read_json, token_text
from python_backend.speech_checkpoint import (
    Family,
    family,
    features_config,
    has_language_model,
    samples_per_frame,
)
from python_backend.text import Tokenizer, clean_up
from python_backend.whisper import Chunk


class Row(NamedTuple):
    """One forward row of an item."""

    tokens: list[int]
    times: list[float]
    """When each token was said, in seconds from the start of the row; empty unless Whisper's words are asked for."""
    logits: np.ndarray
    """[frames, vocabulary] float32 where a language model decodes; else empty."""
    samples: int
    left: int
    """Of the samples, those that the row before knows better."""
    right: int
    """Of the samples, those that the row after knows better."""


class Transcription(NamedTuple):
    text: str
    chunks: list[Chunk]


class Transcriber(Protocol):
    def __call__(self, rows: Sequence[Row], parameters: dict[str, Any]) -> Transcription:
        """The answer for one item."""


class CTCTranscriber:
    """The rows without their overlaps, as one sequence of frames."""

    def __init__(self, folder: Path) -> None:
        self.vocabulary = ctc.Vocabulary(folder)
        self.samples_per_frame = samples_per_frame(read_json(folder, "config.json"))
        self.seconds_per_frame = self.samples_per_frame / sampling_rate(folder)

    def __call__(self, rows: Sequence[Row], parameters: dict[str, Any]) -> Transcription:
        ids = [id_ for row in rows for id_ in row.tokens[self.own_frames(row)]]
        characters = self.vocabulary.characters(ids)
        spans = {"char": characters, "word": self.vocabulary.words(characters)}.get(parameters["return_timestamps"], [])
        seconds = self.seconds_per_frame
        chunks = [Chunk(span.text, span.start * seconds, span.end * seconds, None) for span in spans]
        return Transcription(self.vocabulary.text(characters), chunks)

    def own_frames(self, row: Row) -> slice:
        """The frames of a row without those of its context."""
        frames = round(row.samples * (1 / self.samples_per_frame))  # as `rescale_stride` rounds
        left, right = (round(side / row.samples * frames) for side in (row.left, row.right))
        return slice(left, frames - right)


LANGUAGE_MODEL = "language_model"


class LanguageModelTranscriber(CTCTranscriber):
    """The frames of all rows through pyctcdecode's beam search, with the language model of the checkpoint."""

    OPTIONS = ("beam_width", "beam_prune_logp", "token_min_logp", "prune_history", "hotword_weight", "hotwords")

    def __init__(self, folder: Path) -> None:
        from pyctcdecode import Alphabet, BeamSearchDecoderCTC, LanguageModel

        super().__init__(folder)
        # Not load_from_dir: it reads files in the locale's encoding, and a stub has none but ASCII.
        alphabet = Alphabet.loads((folder / "alphabet.json").read_text(encoding="utf-8"))
        files = folder / LANGUAGE_MODEL
        model = LanguageModel.load_from_dir(str(files), unigram_encoding="utf-8") if files.is_dir() else None
        self.decoder = BeamSearchDecoderCTC(alphabet, model)

    def __call__(self, rows: Sequence[Row], parameters: dict[str, Any]) -> Transcription:
        logits = np.concatenate([row.logits[self.own_frames(row)] for row in rows])
        options = {name: parameters[name] for name in self.OPTIONS if parameters[name] is not None}
        text, _, words, *_ = self.decoder.decode_beams(logits, **options)[0]
        seconds = self.seconds_per_frame
        chunks = [Chunk(word, start * seconds, end * seconds, None) for word, (start, end) in words]
        return Transcription(text, chunks if parameters["return_timestamps"] == "word" else [])


class WhisperTranscriber:
    """What whisper.Transcript makes of the rows, without the times and languages that nobody asked for."""

    def __init__(self, folder: Path) -> None:
        self.vocabulary = whisper.Vocabulary(folder)
        self.sampling_rate = sampling_rate(folder)
        chunk_length = features_config(folder).get("chunk_length", 30)
        self.precision = chunk_length / read_json(folder, "config.json").get("max_source_positions", 1500)

    def __call__(self, rows: Sequence[Row], parameters: dict[str, Any]) -> Transcription:
        timestamps = parameters["return_timestamps"]
        if timestamps == "false":
            timestamps = None
        transcript = whisper.Transcript(self.vocabulary, timestamps, self.precision)
        for row in rows:
            length, left, right = (side / self.sampling_rate for side in (row.samples, row.left, row.right))
            times = row.times[: len(row.tokens)] if timestamps == "word" else None
            transcript.add(whisper.Row(row.tokens, times, (length, left, right)))
        transcript.close()
        chunks = transcript.chunks if timestamps or parameters["return_language"] else []
        if not parameters["return_language"]:
            chunks = [chunk._replace(language=None) for chunk in chunks]
        if not timestamps:
            chunks = [chunk._replace(start=None, end=None) for chunk in chunks]
        return Transcription(transcript.text, chunks)


class SequenceTranscriber:
    """All that the rows say, one after the other: 4.48 says twice what is in their overlaps, but for Whisper."""

    def __init__(self, folder: Path) -> None:
        has_tokenizer = (folder / "tokenizer.json").exists()
        self.tokenizer: Tokenizer | Pieces = Tokenizer(folder) if has_tokenizer else Pieces(folder)

    def __call__(self, rows: Sequence[Row], parameters: dict[str, Any]) -> Transcription:
        ids = [id_ for row in rows for id_ in row.tokens]
        return Transcription(self.tokenizer.decode(ids, skip_special_tokens=True), [])


LANGUAGE = re.compile(r"<lang:\w+>")
SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


class Pieces:
    """Speech2TextTokenizer, which has no tokenizer.json: the SentencePiece pieces of vocab.json."""

    def __init__(self, folder: Path) -> None:
        vocabulary = read_json(folder, "vocab.json")
        self.pieces = {id_: piece for piece, id_ in vocabulary.items()}
        config = {**read_json(folder, "special_tokens_map.json"), **read_json(folder, "tokenizer_config.json")}
        special = [config.get(name, default) for name, default in SPECIAL_TOKENS.items()]
        special += config.get("additional_special_tokens") or []
        if config.get("lang_codes"):  # it says which languages, whose tokens are special
            special += [piece for piece in vocabulary if LANGUAGE.fullmatch(piece)]
        self.special = {vocabulary.get(token_text(token)) for token in special}
        self.upper = config.get("do_upper_case", False)
        self.clean_up = config.get("clean_up_tokenization_spaces", False)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool) -> str:
        ids = [id_ for id_ in ids if not (skip_special_tokens and id_ in self.special)]
        text = "".join(self.pieces.get(id_, "") for id_ in ids).replace("\u2581", " ").strip()
        text = text.upper() if self.upper else text
        return clean_up(text) if self.clean_up else text


def sampling_rate(folder: Path) -> int:
    """Hz of what the checkpoint's model hears."""
    return features_config(folder).get("sampling_rate", 16_000)


TRANSCRIBERS: dict[Family, Any] = {"ctc": CTCTranscriber, "seq2seq": SequenceTranscriber, "whisper": WhisperTranscriber}


def load(folder: Path) -> Transcriber:
    """The transcriber of a checkpoint."""
    if has_language_model(folder):
        return LanguageModelTranscriber(folder)
    return TRANSCRIBERS[family(read_json(folder, "config.json"))](folder)
