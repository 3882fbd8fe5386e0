"""What the files of a text-to-audio checkpoint say: its family, its limits, and what its sound is like. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from python_backend.checkpoint import read_json
from python_backend.parameters import InvalidInput

Family = Literal["bark", "musicgen", "speecht5", "vits"]
NAMES: Mapping[Family, str] = {"bark": "Bark", "musicgen": "MusicGen", "speecht5": "SpeechT5", "vits": "VITS"}
DIMENSIONS: Mapping[Family, int] = {"bark": 2, "musicgen": 3, "speecht5": 1, "vits": 2}
"""Of the pipeline's array: 1 [samples], 2 [1, samples], 3 [1, channels, samples]."""
VOCODER = "vocoder"
"""The folder of a spectrogram model's vocoder, inside the model's own."""
VOICES = "speaker_embeddings_path.json"
"""Names Bark's voices, and the files of each."""
PROMPTS = {"semantic_prompt": 1, "coarse_prompt": 2, "fine_prompt": 2}
"""The arrays of a voice, and their dimensions."""


class Sound(NamedTuple):
    sampling_rate: int
    dimensions: int


def family(config: Mapping[str, Any]) -> Family:
    for name in NAMES:
        if config.get("model_type") == name:
            return name
    raise ValueError(f"text-to-audio serves {', '.join(NAMES)}; the checkpoint is of type {config.get('model_type')!r}")


def sound(folder: Path) -> Sound:
    """What the pipeline finds out when it is made (`TextToAudioPipeline.__init__`)."""
    config = read_json(folder, "config.json")
    kind = family(config)
    if kind == "speecht5":
        rate = read_json(folder / VOCODER, "config.json").get("sampling_rate", 16_000)
    elif kind == "bark":
        rate = read_json(folder, "generation_config.json").get("sample_rate", 24_000)
    elif kind == "musicgen":
        rate = config["audio_encoder"].get("sampling_rate", 24_000)
    else:
        rate = config.get("sampling_rate", 16_000)
    return Sound(int(rate), DIMENSIONS[kind])


def max_tokens(folder: Path) -> int | None:
    """How many tokens of text the model takes; None where nothing bounds it."""
    config = read_json(folder, "config.json")
    kind = family(config)
    if kind == "speecht5":
        return config.get("max_text_positions", 450)
    if kind == "bark":
        semantic = read_json(folder, "generation_config.json").get("semantic_config") or {}
        return semantic.get("max_input_semantic_length", 256)
    return None


def voices(folder: Path) -> dict[str, dict[str, str]]:
    """The files of each of Bark's voices by its name: paths relative to the model's folder."""
    listed = read_json(folder, VOICES)
    return {name: files for name, files in listed.items() if isinstance(files, dict)}


def check_voice(name: str, known: Mapping[str, Any]) -> None:
    if name not in known:
        some = ", ".join(list(known)[:8]) + (", ..." if len(known) > 8 else "")
        raise InvalidInput(
            f"voice_preset {json.dumps(name)} is not among the voices of this checkpoint: "
            f"{some or 'it was installed without any'}."
        )


def read_voice(folder: Path, files: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The arrays of a voice. Files that hold more than numbers are refused: pickles run code when they are read."""
    arrays = {}
    for name, dimensions in PROMPTS.items():
        array = np.load(folder / files[name], allow_pickle=False)
        if array.ndim != dimensions:
            raise ValueError(f"{files[name]} has {array.ndim} dimensions; {name} has {dimensions}")
        arrays[name] = array
    return arrays
