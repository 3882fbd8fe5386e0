"""text-to-audio, also called text-to-speech.

    speak = pipeline("text-to-speech")
    sound = speak("Call me Ishmael.")                          # {'audio': array(...), 'sampling_rate': 24000}
    save_wav(sound, "ishmael.wav")
    speak(text, forward_params={"speaker_embeddings": vector})                  # SpeechT5: the voice
    speak(text, voice_preset="v2/en_speaker_6")                                 # Bark: the voice
    compose("Techno", generate_kwargs={"do_sample": True, "max_new_tokens": 250})

From TextToAudioPipeline.__call__(text_inputs, **forward_params), whose keyword arguments are the dicts
`preprocess_params`, `forward_params` and `generate_kwargs`: the last one goes before the others. `audio` has the shape
that the model gives: [samples] for SpeechT5, [1, samples] for VITS and Bark, [1, channels, samples] for MusicGen.

Besides, any of their entries may be given as an argument of its own, and there are parameters of the server's own:
`seed`, `voice_preset` (Bark), `speaking_rate`, `noise_scale` and `noise_scale_duration` (VITS).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..transport import Array
from .base import Inputs, Row, Settings, Task, choice, refuse, scalars, split, text_tensor
from .generation import generation_parameters

Dict = Mapping[str, Any] | None


class TextToAudio(Task):
    name = "text-to-audio"
    inputs = ("TEXT",)
    outputs = ("AUDIO", "COUNT", "SAMPLING_RATE", "DIMENSIONS")
    batch_size = 4

    def items(self, text_inputs: Any, **forward_params: Any) -> Inputs:
        return split(text_inputs, forward_params)

    def parameters(
        self,
        *,
        preprocess_params: Dict = None,
        forward_params: Dict = None,
        generate_kwargs: Dict = None,
        vocoder: Any = None,
        sampling_rate: Any = None,
        **parameters: Any,
    ) -> Settings:
        refuse(
            vocoder=(vocoder, "it is chosen where the checkpoint is installed (scripts/install.py ... --vocoder)"),
            sampling_rate=(sampling_rate, "it is the checkpoint's"),
        )
        dicts = {
            "preprocess_params": preprocess_params,
            "forward_params": forward_params,
            "generate_kwargs": generate_kwargs,
        }
        given: dict[str, Any] = {}
        for name, value in dicts.items():
            if value is not None and not isinstance(value, Mapping):
                raise InvalidInput(f"{name} must be a dict, not {type(value).__name__}")
            given |= value or {}
        if others := set(preprocess_params or ()) - {"truncation", "normalize"}:
            raise InvalidInput(f"preprocess_params takes truncation and normalize, not {', '.join(sorted(others))}")
        given = generation_parameters(given, parameters)
        refuse(history_prompt=(given.pop("history_prompt", None), "name one of the checkpoint's voices: voice_preset"))
        voice = given.pop("speaker_embeddings", None)
        if "truncation" in given:
            given["truncation"] = choice(given["truncation"])
        return Settings(scalars(given), {} if voice is None else {"SPEAKER_EMBEDDING": _vector(voice)})

    def encode(self, item: Any, settings: Settings) -> Row:
        return {"TEXT": text_tensor([item], "the text")}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> Any:
        audio = outputs["AUDIO"][:, : int(outputs["COUNT"][0])].copy()
        shaped = {1: audio[0], 2: audio, 3: audio[None]}[int(outputs["DIMENSIONS"][0])]
        return {"audio": shaped, "sampling_rate": int(outputs["SAMPLING_RATE"][0])}


def _vector(embedding: Any) -> Array:
    """A speaker's embedding, [size] or [1, size], as a tensor [size] FP32."""
    vector = np.asarray(embedding)
    vector = vector[0] if vector.ndim == 2 and len(vector) == 1 else vector
    if vector.ndim != 1 or vector.dtype.kind not in "fiu":
        raise InvalidInput(
            f"speaker_embeddings must be numbers of the shape [size] or [1, size], not {vector.dtype} "
            f"{list(vector.shape)}: one voice for all texts of a call"
        )
    return vector.astype(np.float32)
