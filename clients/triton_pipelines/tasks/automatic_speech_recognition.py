"""automatic-speech-recognition.

    transcribe = pipeline("automatic-speech-recognition")
    transcribe("speech.flac")                                                # {'text': 'HE HOPED THERE WOULD BE STEW'}
    transcribe({"raw": samples, "sampling_rate": 44100}, return_timestamps="word", chunk_length_s=30)
    # {'text': ..., 'chunks': [{'text': 'HE', 'timestamp': (0.5, 0.6)}, ...]}

From AutomaticSpeechRecognitionPipeline: paths, URLs and bytes are files of any format; an array is taken to have the
model's sampling rate; other keys of a dict come back with the result. `generate_kwargs` may be given as arguments of
their own. One difference: the caller's dict is left as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..transport import Array
from .audio import AudioTask
from .base import Row, Settings, given, refuse, scalars, text_list, text_tensor, texts
from .generation import generation_parameters


class AutomaticSpeechRecognition(AudioTask):
    name = "automatic-speech-recognition"
    outputs = ("TEXT", "CHUNK_TEXT", "CHUNK_START", "CHUNK_END", "COUNT")
    batch_size = 1

    def parameters(
        self,
        *,
        chunk_length_s: float | None = None,
        stride_length_s: float | tuple[float, float] | list[float] | None = None,
        return_timestamps: str | bool | None = None,
        return_language: bool | None = None,
        max_new_tokens: int | None = None,
        generate_kwargs: Mapping[str, Any] | None = None,
        decoder_kwargs: Mapping[str, Any] | None = None,
        ignore_warning: Any = None,  # of a warning that only transformers gives
        **generation: Any,
    ) -> Settings:
        decoder = dict(decoder_kwargs or {})
        hotwords = decoder.pop("hotwords", None)
        refuse(lm_start_state=(decoder.pop("lm_start_state", None), "each audio starts anew"))
        if max_new_tokens is not None and "max_new_tokens" in (generate_kwargs or {}):
            raise InvalidInput("max_new_tokens is given twice: as an argument and in generate_kwargs")
        generation = generation_parameters(generate_kwargs, generation)
        if isinstance(generation.get("temperature"), (list, tuple)):  # those that Whisper falls back to, in turn
            generation["temperature"] = ",".join(str(float(each)) for each in generation["temperature"])
        sent = {
            **generation,
            **given(**decoder),
            **given(
                chunk_length_s=chunk_length_s,
                return_timestamps=str(return_timestamps).lower() if return_timestamps is not None else None,
                return_language=return_language,
                max_new_tokens=max_new_tokens,
            ),
            **_strides(stride_length_s),
        }
        tensors = {"HOTWORDS": text_tensor(text_list(hotwords, "hotwords"), "hotwords")} if hotwords else {}
        options = given(return_timestamps=return_timestamps, return_language=return_language)
        return Settings(scalars(sent), tensors, options)

    def encode(self, item: Any, settings: Settings) -> Row:
        row = super().encode(item, settings)
        if isinstance(item, Mapping) and item.get("stride") is not None:
            row["STRIDE"] = _pair(item["stride"])
        return row

    def decode(self, item: Any, outputs: Row, settings: Settings) -> dict[str, Any]:
        result: dict[str, Any] = {"text": texts(outputs["TEXT"])[0]}
        if settings.options.get("return_timestamps") or settings.options.get("return_language"):
            result["chunks"] = _chunks(outputs, settings)
        return {**result, **(_extra(item) if isinstance(item, Mapping) else {})}


def _strides(stride_length_s: Any) -> dict[str, float]:
    """The seconds on the left and on the right of a chunk; one number stands for both."""
    if stride_length_s is None:
        return {}
    if isinstance(stride_length_s, (int, float)):
        stride_length_s = (stride_length_s, stride_length_s)
    if not isinstance(stride_length_s, (list, tuple)) or len(stride_length_s) != 2:
        raise InvalidInput(f"stride_length_s={stride_length_s!r} must be a number, or two: left and right")
    return {"stride_length_s_left": stride_length_s[0], "stride_length_s_right": stride_length_s[1]}


def _pair(stride: Any) -> Array:
    """The samples at the start and at the end of an audio that are context alone."""
    if not isinstance(stride, (list, tuple)) or len(stride) != 2:
        raise InvalidInput(f"stride={stride!r} must be two numbers of samples: left and right")
    return np.array(stride, dtype=np.int32)


def _chunks(outputs: Row, settings: Settings) -> list[dict[str, Any]]:
    count = int(outputs["COUNT"][0])
    spoken = texts(outputs["CHUNK_TEXT"][:count])
    times = zip(_seconds(outputs["CHUNK_START"][:count]), _seconds(outputs["CHUNK_END"][:count]), strict=True)
    languages = [language or None for language in texts(outputs["CHUNK_LANGUAGE"][:count])]
    options = settings.options
    chunks = []
    for text, timestamp, language in zip(spoken, times, languages, strict=True):
        chunk: dict[str, Any] = {"language": language, "timestamp": timestamp, "text": text}
        if options.get("return_timestamps") in ("word", "char"):  # these have their keys in another order
            chunk = {"text": text, "timestamp": timestamp, "language": language}
        if not options.get("return_timestamps"):
            del chunk["timestamp"]
        if not options.get("return_language"):
            del chunk["language"]
        chunks.append(chunk)
    return chunks


def _seconds(times: Array) -> list[float | None]:
    """FP32 seconds as the decimals they were rounded from (0.02, not 0.0199999995); NaN is None."""
    return [None if math.isnan(time) else float(str(time)) for time in times]


def _extra(item: Mapping[str, Any]) -> dict[str, Any]:
    """What the caller's dict held besides the audio, each in a list, as transformers hands it back."""
    known = {"raw", "sampling_rate", "stride"} | ({"array", "path"} if item.get("raw") is None else set())
    return {key: [value] for key, value in item.items() if key not in known}
