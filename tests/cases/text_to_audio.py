"""Cases of text-to-audio. Sounds are short, and what is left to chance is not compared: each runtime draws its own
numbers. Made checkpoints leave nothing to it unless asked; seeds, noise and dropout are in tests/unit.
"""

from typing import Any

import numpy as np

from tests.cases import REFUSED_TOO, ROOT, Case, Generator
from tests.cases.texts import GETTYSBURG, LONG, SPACES

VITS = "text_to_audio_vits"
SPEAKERS = "text_to_audio_vits_speakers"
SPEECHT5 = "text_to_audio_speecht5"
BARK = "text_to_audio_bark"
MUSICGEN = "text_to_audio_musicgen"
STEREO = "text_to_audio_musicgen_stereo"
CALL = "Call me Ishmael."
ODD = "Élodie\u2019s  naïve\tcafé, 東京: 42!"


VOICE, OTHER = np.random.default_rng(0).normal(size=(2, 1, 16)).astype(np.float32)
"""Speakers' embeddings, [1, 16]."""


def init(case: Case) -> dict[str, Any]:
    """SpeechT5's vocoder, which the pipeline would fetch from the Hub."""
    if case.checkpoint != SPEECHT5:
        return {}
    from transformers import SpeechT5HifiGan

    return {"vocoder": SpeechT5HifiGan.from_pretrained(ROOT / ".checkpoints" / SPEECHT5 / "vocoder")}


def mend(pipeline: Any, case: Case) -> dict[str, Any]:
    """The oracle wants embeddings as PyTorch's tensors."""
    import torch

    if case.checkpoint == SPEECHT5:
        generate = pipeline.model.generate
        pipeline.model.generate = lambda **inputs: generate(
            **{
                key: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
                for key, value in inputs.items()
            }
        )
    return {}


def voiced(voice: np.ndarray = VOICE, **more: Any) -> dict[str, Any]:
    """Arguments for SpeechT5: who speaks, for how long."""
    return {"forward_params": {"speaker_embeddings": voice, "maxlenratio": 2.0, **more}}


def tokens(count: int, **more: Any) -> dict[str, Any]:
    return {"generate_kwargs": {"max_new_tokens": count, **more}}


def semantic(count: int, **more: Any) -> dict[str, Any]:
    return {"forward_params": {"semantic_max_new_tokens": count, **more}}


ALL: dict[str, tuple[str, dict[str, Any]]] = {
    "vits": (VITS, {}),
    "vits_speakers": (SPEAKERS, {"forward_params": {"speaker_id": 2}}),
    "speecht5": (SPEECHT5, voiced()),
    "bark": (BARK, semantic(7)),
    "musicgen": (MUSICGEN, tokens(12)),
    "musicgen_stereo": (STEREO, tokens(12)),
}

CASES = [
    *(Case(f"{name}_one", checkpoint, CALL, given) for name, (checkpoint, given) in ALL.items()),
    *(Case(f"{name}_list", checkpoint, ["Call me", "Hi", CALL], given) for name, (checkpoint, given) in ALL.items()),
    *(Case(f"{name}_odd", checkpoint, ODD, given) for name, (checkpoint, given) in ALL.items()),
    *(Case(f"{name}_spaces", checkpoint, SPACES, given) for name, (checkpoint, given) in ALL.items()),
    Case("list_of_one", VITS, ["Hi"]),
    Case("generator", MUSICGEN, Generator(("Call me", CALL)), tokens(8)),
    Case("batch_size", MUSICGEN, ["Hi", CALL, "Hi"], {**tokens(8), "batch_size": 2}),
    Case("speaker_default", SPEAKERS, "Hi", note="none of the voices"),
    Case("speaker_first", SPEAKERS, "Hi", {"forward_params": {"speaker_id": 0}}),
    Case(
        "speaker_unknown",
        SPEAKERS,
        "Hi",
        {"forward_params": {"speaker_id": 3}},
        refused="voices 0 to 2",
        note=REFUSED_TOO,
    ),
    Case("vits_as_it_is", VITS, "Call me", {"preprocess_params": {"normalize": False}}),
    Case("vits_unknown_token", VITS, "a<unk>b"),
    Case("vits_generates", VITS, "Hi", {"generate_kwargs": {"do_sample": True}}, refused="no effect", note=REFUSED_TOO),
    *(
        Case(f"vits_{kind}", VITS, text, refused="no character", note="the oracle fails inside the model")
        for kind, text in {"empty": "", "unknown": "東京 42"}.items()
    ),
    Case("speecht5_other_voice", SPEECHT5, "Hi 日本", voiced(OTHER)),
    Case("speecht5_threshold", SPEECHT5, "Hi 日本", voiced(threshold=0.445)),
    Case("speecht5_minlenratio", SPEECHT5, CALL, voiced(minlenratio=1.0)),
    Case("speecht5_maxlenratio", SPEECHT5, GETTYSBURG[:60], voiced(maxlenratio=0.5)),
    Case("speecht5_numbers", SPEECHT5, "42% $3.50", {**voiced(), "preprocess_params": {"normalize": True}}),
    Case("speecht5_mask", SPEECHT5, "Call <mask> me</s>", voiced()),
    Case("speecht5_without_voice", SPEECHT5, CALL, refused="SPEAKER_EMBEDDING", note=REFUSED_TOO),
    Case("speecht5_short_voice", SPEECHT5, CALL, voiced(VOICE[:, :8]), refused="16 numbers", note=REFUSED_TOO),
    Case("speecht5_long", SPEECHT5, LONG, voiced(), refused="the model takes 100", note=REFUSED_TOO),
    Case(
        "speecht5_truncation",
        SPEECHT5,
        LONG,
        {**voiced(maxlenratio=0.3), "preprocess_params": {"truncation": True}},
    ),
    Case(
        "speecht5_empty",
        SPEECHT5,
        "",
        voiced(),
        refused="empty",
        note="the oracle makes a sound of the end token alone",
    ),
    Case("bark_default_length", BARK, "Hi"),
    Case("bark_long", BARK, LONG, semantic(4), refused="the model takes 64", note="the oracle cuts the text, silently"),
    Case("bark_truncation", BARK, LONG, {**semantic(4), "preprocess_params": {"truncation": True}}),
    Case("bark_empty", BARK, "", semantic(4), refused="no tokens", note="the oracle makes a sound of padding"),
    Case("bark_min_eos_p", BARK, CALL, {"generate_kwargs": {"min_eos_p": 0.03}}),
    Case("bark_prefixes", BARK, CALL, semantic(6, coarse_temperature=0.7, fine_temperature=1.0)),
    Case("bark_repetition", BARK, CALL, semantic(7, repetition_penalty=1.5)),
    Case("bark_semantic_repetition", BARK, CALL, semantic(7, semantic_repetition_penalty=2.0)),
    Case("bark_beams", BARK, CALL, semantic(6, num_beams=2)),
    Case(
        "bark_too_many",
        BARK,
        CALL,
        semantic(100),
        refused="the model generates 64 at most",
        note="the oracle fails inside the model",
    ),
    Case("musicgen_one_token", MUSICGEN, CALL, tokens(1)),
    Case("musicgen_max_length", MUSICGEN, CALL, {"generate_kwargs": {"max_length": 10}}),
    Case("musicgen_default_length", MUSICGEN, "Hi"),
    Case("musicgen_unguided", MUSICGEN, CALL, tokens(12, guidance_scale=1.0)),
    Case("musicgen_guided", STEREO, CALL, tokens(12, guidance_scale=8.0)),
    Case(
        "musicgen_repetition",
        MUSICGEN,
        CALL,
        tokens(12, repetition_penalty=1.5),
        refused="no effect",
        note="the oracle fails inside the model",
    ),
    Case(
        "musicgen_precedence",
        MUSICGEN,
        CALL,
        {"forward_params": {"max_new_tokens": 30}, "generate_kwargs": {"max_new_tokens": 9}},
        note="generate_kwargs goes before forward_params",
    ),
    Case("musicgen_long", MUSICGEN, LONG, tokens(8)),
    Case("musicgen_empty", MUSICGEN, "", tokens(8), note="the end token is enough"),
    Case("musicgen_beams", MUSICGEN, CALL, tokens(8, num_beams=2), refused="no beams", note=REFUSED_TOO),
    Case("not_text", VITS, {"text": CALL}, refused="string", note="the oracle fails in its tokenizer"),
    Case("unknown_parameter", MUSICGEN, CALL, tokens(8, tempo=3), refused="tempo", note=REFUSED_TOO),
]
