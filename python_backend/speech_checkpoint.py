"""What config.json says about a speech model: its family, and how much sound one of its frames is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

from python_backend.checkpoint import read_json

Family = Literal["ctc", "seq2seq", "whisper"]

SEQ2SEQ = (
    "moonshine", "pop2piano", "seamless_m4t", "seamless_m4t_v2", "speech-encoder-decoder", "speech_to_text", "speecht5",
)  # fmt: skip
"""Model types that AutoModelForSpeechSeq2Seq knows, but Whisper."""


def family(config: dict[str, Any]) -> Family:
    """Whisper, another model that generates ("seq2seq"), or one that says a token a frame ("ctc")."""
    model_type = config["model_type"]
    if model_type == "whisper":
        return "whisper"
    return "seq2seq" if model_type in SEQ2SEQ else "ctc"


def features_config(folder: Path) -> dict[str, Any]:
    """preprocessor_config.json, or what transformers 5 saves in its place: a part of processor_config.json."""
    processor = read_json(folder, "processor_config.json")
    saved = read_json(folder, "preprocessor_config.json")
    return saved or {**(processor.get("feature_extractor") or {}), "processor_class": processor.get("processor_class")}


def has_language_model(folder: Path) -> bool:
    """Whether a CTC checkpoint is decoded with a language model: its processor says so, and pyctcdecode's files are
    there. Without these, the pipeline goes on without."""
    processor = features_config(folder).get("processor_class") or ""
    return processor.endswith("WithLM") and (folder / "alphabet.json").is_file()


WAV2VEC2 = {"conv_kernel": (10, 3, 3, 3, 3, 2, 2), "conv_stride": (5, 2, 2, 2, 2, 2, 2)}
MOONSHINE = {"conv_kernel": (127, 7, 3), "conv_stride": (64, 3, 2)}


def min_samples(config: dict[str, Any]) -> int:
    """The shortest waveform that the model's convolutions make a frame of."""
    convolutions = MOONSHINE if config["model_type"] == "moonshine" else {**WAV2VEC2, **config}
    samples = 1
    for kernel, stride in reversed(list(zip(convolutions["conv_kernel"], convolutions["conv_stride"], strict=True))):
        samples = (samples - 1) * stride + kernel
    return samples


def samples_per_frame(config: dict[str, Any]) -> int:
    """`inputs_to_logits_ratio` of a CTC model's configuration."""
    if config["model_type"] == "wav2vec2-bert":
        adapter = config.get("adapter_stride", 2) ** config.get("num_adapter_layers", 1)
        return 2 * config.get("feature_projection_input_dim", 160) * (adapter if config.get("add_adapter") else 1)
    return math.prod(config.get("conv_stride", WAV2VEC2["conv_stride"]))
