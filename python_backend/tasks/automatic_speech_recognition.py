"""Automatic speech recognition: audio to text, with times. Follows AutomaticSpeechRecognitionPipeline.

Three families of models: "ctc" (Wav2Vec2, HuBERT, ...), "whisper", and "seq2seq" (Speech2Text and other models that
generate, without times). An item's audio becomes one forward row, or several that overlap (`chunk_length_s`).

Where this differs from 4.48 on purpose:
* `return_timestamps=false` is no error for CTC models.
* Whisper's segments after the first window of 30 s count from the start of the audio (4.48: from the start of their
  window; mended in 4.49), and `return_language` gives the language that was detected (4.48: None; mended in 5).
* With `condition_on_prev_tokens`, segments keep the times of their ends (4.48 loses some; mended in 4.49). Times of
  words work with any beams (4.48 raises IndexError now and then), and decoding leaves a window that gets no further.
* FFmpeg is a newer one than most `ffmpeg` commands: the Opus audio of a WebM file keeps all its samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from python_backend import audio, speech_features, text, transcription, whisper_checks
from python_backend.batching import pad
from python_backend.checkpoint import read_json
from python_backend.forward import TorchStage
from python_backend.generation_parameters import GENERATION
from python_backend.parameters import Bool, Choice, Float, Int, InvalidInput, Parameter, Parameters, Text
from python_backend.speech_checkpoint import family, features_config, has_language_model, samples_per_frame
from python_backend.speech_chunks import CHUNKING, Chunk, cut
from python_backend.speech_features import Features, LogMel
from python_backend.stage import Request, Result, Stage, Tensors


@dataclass(frozen=True)
class Temperatures(Parameter):
    """One temperature, or several that Whisper falls back to in turn: "0.0,0.2,0.4"."""

    def convert(self, value: Any) -> tuple[float, ...]:
        if isinstance(value, bool):
            raise ValueError
        temperatures = tuple(float(one) for one in (value.split(",") if isinstance(value, str) else [value]))
        if not all(0 <= one < float("inf") for one in temperatures):
            raise ValueError
        return temperatures

    @property
    def kind(self) -> str:
        return 'a number of at least 0, or several in a string ("0.0,0.2,0.4")'


PARAMETERS = Parameters(
    Choice(
        "return_timestamps",
        choices=("false", "true", "char", "word"),
        doc='CTC: "char" or "word"; Whisper: "true" for segments, or "word".',
    ),
    *CHUNKING,
    Bool("return_language", doc="Whisper: name the language of each chunk."),
    Text("language", doc='Whisper: the language spoken, "en" or "english". Default: detected.'),
    Choice("task", choices=("transcribe", "translate"), doc="Whisper: write as spoken, or in English."),
    Temperatures("temperature", doc="Divides the logits of a sample; Whisper: 0 takes the most likely token."),
    Bool("condition_on_prev_tokens", doc="Whisper: each window of 30 s sees the text of the one before."),
    Float("compression_ratio_threshold", doc="Whisper: above it, the next temperature is tried."),
    Float("logprob_threshold", doc="Whisper: mean log probability under which the next temperature is tried."),
    Float("no_speech_threshold", doc="Whisper: probability of silence above which a window is left out."),
    Int("beam_width", minimum=1, maximum=1_000, doc="Language model: beams to follow. Default: 100."),
    Float("beam_prune_logp", doc="Language model: beams that fall this far behind the best are dropped. Default: -10."),
    Float("token_min_logp", doc="Language model: log probability under which a token is not tried. Default: -5."),
    Bool("prune_history", doc="Language model: of beams that differ far back alone, the best stays. Default: false."),
    Float("hotword_weight", doc="Language model: how much HOTWORDS count. Default: 10."),
    *(option for option in GENERATION if option.name not in ("num_return_sequences", "temperature")),
)


class Preprocess(Stage):
    """AUDIO [batch, 1] bytes, or SAMPLES [batch, n] with SAMPLING_RATE [batch, 1] (default: the model's), and STRIDE
    [batch, 2], samples at the start and at the end that are context alone (default: none; not with chunks), to rows:

    input_values [batch, rows, samples] or input_features [batch, rows, a, b], the other one empty;
    lengths [batch, rows, 2]: samples or frames of the row, and how many of them the attention mask covers;
    strides [batch, rows, 3]: samples of the row, those of its start and those of its end that are context alone.
    Rows that are padding have zeros.

    Settings:
        max_audio_bytes: of an encoded file. Default 200,000,000.
        max_audio_seconds: of all audio of a request. Default 3,600.
        max_row_seconds: of one forward row, but Whisper's, which sees 30 s at a time. Default 120.
        max_rows: of a request. Default 512.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        config = read_json(self.folder, "config.json")
        self.family = family(config)
        self.language_model = has_language_model(self.folder)
        self.align_to = samples_per_frame(config) if self.family == "ctc" else 1
        self.generation = read_json(self.folder, "generation_config.json")
        self.extractor = speech_features.load(self.folder)
        self.limits = audio.Limits(
            self.setting("max_audio_bytes", 200_000_000), self.setting("max_audio_seconds", 3_600.0)
        )
        self.max_row_seconds = self.setting("max_row_seconds", 120.0)
        self.max_rows = self.setting("max_rows", 512)

    def process(self, request: Request) -> Tensors:
        self.check(request.parameters)
        rows = self.max_rows
        items = []
        strides = request.tensors["STRIDE"].tolist() if "STRIDE" in request.tensors else repeat([0, 0])
        sounds = audio.read(request.tensors, self.extractor.sampling_rate, self.limits)
        for (samples, ratio), stride in zip(sounds, strides, strict=False):
            chunks = self.chunks(samples, ratio, stride, request.parameters)
            rows -= len(chunks)
            if rows < 0:
                raise InvalidInput(
                    f"The request needs more than {self.max_rows:,} rows (max_rows of this deployment). Send a larger "
                    "chunk_length_s, a smaller stride_length_s, or less audio."
                )
            items.append([(chunk, self.features(chunk.samples, request.parameters)) for chunk in chunks])
        return self.tensors(items)

    def check(self, parameters: dict[str, Any]) -> None:
        """InvalidInput for parameters that the model's family cannot meet (`_sanitize_parameters`)."""
        timestamps = parameters["return_timestamps"]
        if self.family == "seq2seq" and timestamps in ("true", "char", "word"):
            raise InvalidInput("This model gives no timestamps: only CTC models and Whisper do.")
        if self.family == "ctc" and timestamps == "true":
            raise InvalidInput('This is a CTC model: return_timestamps must be "char" or "word".')
        if self.language_model and timestamps == "char":
            raise InvalidInput('A CTC model with a language model tells words alone: return_timestamps must be "word".')
        if parameters["return_language"] and self.family != "whisper":
            raise InvalidInput("return_language: only Whisper can tell the language.")
        if self.family == "whisper":
            whisper_checks.check(parameters, self.generation)

    def chunks(self, samples: np.ndarray, ratio: float, stride: list[int], parameters: dict[str, Any]) -> list[Chunk]:
        """The forward rows of one item. `stride` counts samples as they were sent, `ratio` times as many as here."""
        if min(stride) < 0 or sum(stride) * ratio > len(samples):
            raise InvalidInput(f"STRIDE {stride} does not fit the audio: two counts of its {len(samples):,} samples.")
        if any(stride) and self.family == "seq2seq":
            raise InvalidInput("STRIDE is usable with CTC models and Whisper alone: leave it out.")
        self.extractor.check(samples)
        how = cut(parameters, self.extractor.sampling_rate, self.align_to)
        row = min(how.length if how else len(samples), len(samples)) / self.extractor.sampling_rate
        if self.family != "whisper" and row > self.max_row_seconds:
            raise InvalidInput(
                f"One forward row would have {row:,.0f} s; this deployment takes {self.max_row_seconds:g} "
                "(max_row_seconds). Send chunk_length_s, 30 for example."
            )
        if how and how.length < self.extractor.min_samples:
            raise InvalidInput(
                f"chunk_length_s gives rows of {how.length} samples; this model needs at least "
                f"{self.extractor.min_samples}. Send a larger one."
            )
        if how:
            return [chunk for chunk in how(samples) if len(chunk.samples) >= self.extractor.min_samples]
        return [Chunk(samples, *(round(side * ratio) for side in stride))]

    def features(self, samples: np.ndarray, parameters: dict[str, Any]) -> Features:
        if not isinstance(self.extractor, LogMel) or parameters["chunk_length_s"]:
            return self.extractor(samples)
        if len(samples) <= self.extractor.window_samples:
            return self.extractor(samples)
        whisper_checks.check_long(parameters, self.generation)
        return self.extractor.whole(samples)

    def tensors(self, items: list[list[tuple[Chunk, Features]]]) -> Tensors:
        shape = len(items), max(map(len, items))
        widest = np.max([features.values.shape for rows in items for _, features in rows], axis=0)
        values = np.zeros((*shape, *widest), np.float32)
        lengths = np.zeros((*shape, 2), np.int32)
        strides = np.zeros((*shape, 3), np.int32)
        for item, rows in enumerate(items):
            for row, (chunk, features) in enumerate(rows):
                values[(item, row, *map(slice, features.values.shape))] = features.values
                lengths[item, row] = features.values.shape[self.time], features.attended
                strides[item, row] = len(chunk.samples), chunk.left, chunk.right
        other = np.zeros((len(items), 0, *([0] * (5 - values.ndim))), np.float32)
        named = {"input_values": other, "input_features": other, self.extractor.input_name: values}
        return {**named, "lengths": lengths, "strides": strides}

    @property
    def time(self) -> int:
        """Which dimension of the features is time: the last one of Whisper's, the first one of others."""
        return -1 if self.family == "whisper" else 0


IGNORED = {parameter.name for parameter in CHUNKING}
"""Parameters that matter to Preprocess alone."""


class Model(TorchStage):
    """Rows of features to token ids: tokens [batch, rows, n] INT32, -1 behind a row's end, and token_times
    [batch, rows, n] FP32, seconds from the start of the row: of Whisper's words; else [batch, rows, 0]; and logits
    [batch, rows, frames, vocabulary] FP32 where a language model decodes; else [batch, rows, 0, 0].

    Settings, besides TorchStage's:
        max_batch_rows: rows that generate together. Default 16; a quarter of it for Whisper's words.
        max_batch_seconds: rows times longest row of a CTC pass. Default 60 on a CPU, 1,200 on a GPU.
        max_generation_seconds: after which Whisper refuses audio that gets no further; texts of other models that
            generate end with what there is. Default 3,600.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        from python_backend.recognition import RECOGNIZERS, Settings

        super().load()
        self.family = family(read_json(self.folder, "config.json"))
        seconds = self.setting("max_batch_seconds", 60.0 if self.device == "cpu" else 1_200.0)
        rate = features_config(self.folder).get("sampling_rate", 16_000)
        settings = Settings(
            max_batch_rows=self.setting("max_batch_rows", 16),
            max_batch_samples=int(seconds * rate),
            workers=self.threads if self.device == "cpu" else 1,
            max_generation_seconds=self.setting("max_generation_seconds", 3_600.0),
        )
        self.recognizer = RECOGNIZERS[self.family](self.folder, self.load_model, settings)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        from python_backend.recognition import Speech

        rows = []
        places: list[list[tuple[int, int]]] = []
        for request in requests:
            name = "input_values" if request.tensors["input_values"].size else "input_features"
            features, lengths = request.tensors[name], request.tensors["lengths"]
            places.append([(int(item), int(row)) for item, row in np.argwhere(lengths[..., 0])])
            parameters = {name: value for name, value in request.parameters.items() if name not in IGNORED}
            for item, row in places[-1]:
                length, attended = map(int, lengths[item, row])
                values = features[item, row]
                values = values[:, :length] if self.family == "whisper" else values[:length]
                rows.append(Speech(values, attended, parameters))
        spoken = iter(self.recognizer.recognize(rows))
        return [
            self.result(request, at, [next(spoken) for _ in at]) for request, at in zip(requests, places, strict=True)
        ]

    def result(self, request: Request, places: list[tuple[int, int]], spoken: list[Any]) -> Result:
        failed = next((one for one in spoken if isinstance(one, Exception)), None)
        if failed is not None:
            return failed
        shape = request.tensors["lengths"].shape[:2]
        result = {}
        for name, rows, fill in (
            ("tokens", [row.tokens for row in spoken], -1),
            ("token_times", [row.times for row in spoken], 0),
            ("logits", [row.logits for row in spoken], 0),
        ):
            joined = pad(rows, fill)
            result[name] = np.full((*shape, *joined.shape[1:]), fill, joined.dtype)
            result[name][tuple(np.array(places).T)] = joined
        return result


MAX_HOTWORD_BYTES = 1_000


class Postprocess(Stage):
    """Token ids, or logits with HOTWORDS [batch, n] to prefer, to TEXT [batch, 1] and chunks CHUNK_TEXT, CHUNK_START,
    CHUNK_END (seconds, NaN where the pipeline gives None), CHUNK_LANGUAGE ("" for None) [batch, n], COUNT [batch, 1] of
    them: 0 without timestamps and language."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.transcriber = transcription.load(self.folder)

    def process(self, request: Request) -> Tensors:
        tensors = request.tensors
        hotwords = tensors.get("HOTWORDS", np.empty((len(tensors["tokens"]), 0), object))
        items = [
            self.transcriber(rows_of(tensors, item), {**request.parameters, "hotwords": hotwords_of(words)})
            for item, words in enumerate(hotwords)
        ]
        chunks = [item.chunks for item in items]
        return {
            "TEXT": np.array([[item.text] for item in items], object),
            "CHUNK_TEXT": column([[chunk.text for chunk in row] for row in chunks], object, ""),
            "CHUNK_START": column([[chunk.start for chunk in row] for row in chunks], np.float32, np.nan),
            "CHUNK_END": column([[chunk.end for chunk in row] for row in chunks], np.float32, np.nan),
            "CHUNK_LANGUAGE": column([[chunk.language or "" for chunk in row] for row in chunks], object, ""),
            "COUNT": np.array([[len(row)] for row in chunks], np.int32),
        }


def rows_of(tensors: Tensors, item: int) -> list[transcription.Row]:
    """What the model said of an item, without the rows and tokens that are padding."""
    each = zip(*(tensors[name][item] for name in ("tokens", "token_times", "logits", "strides")), strict=True)
    return [
        transcription.Row(
            tokens[tokens >= 0].tolist(), times.tolist(), logits[: (tokens >= 0).sum()], *map(int, stride)
        )
        for tokens, times, logits, stride in each
        if stride[0]
    ]


def hotwords_of(row: np.ndarray) -> list[str]:
    """The words in a row of HOTWORDS; empty strings are padding."""
    given = row[row != b""]
    if any(len(word) > MAX_HOTWORD_BYTES for word in given):
        raise InvalidInput(f"HOTWORDS takes words of up to {MAX_HOTWORD_BYTES:,} bytes.")
    return text.read(given, "HOTWORDS", MAX_HOTWORD_BYTES)


def column(rows: list[list[Any]], dtype: Any, fill: Any) -> np.ndarray:
    """[batch, n] of lists of different lengths."""
    return pad([np.array(row, dtype) for row in rows], fill)
