"""Cases of audio-classification."""

import numpy as np

from tests.cases import REFUSED_TOO, Bytes, Case, File, Generator, Samples
from tests.cases.sounds import KINDS, LONG, NO_RECORDING, SAMPLES, SHORT, SPEECH, STEREO, raw

WAV2VEC2 = "audio_classification_wav2vec2"
HUBERT = "audio_classification_hubert"
AST = "audio_classification_ast"
WHISPER = "audio_classification_whisper"
ALL = {"wav2vec2": WAV2VEC2, "hubert": HUBERT, "ast": AST, "whisper": WHISPER}


CASES = [
    *(Case(f"{name}_one", checkpoint, SPEECH) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_bytes", checkpoint, Bytes("tests/data/speech.flac")) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_samples", checkpoint, SAMPLES) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_start", checkpoint, Samples("tests/data/speech.wav", 1.01)) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_dict", checkpoint, raw()) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_list", checkpoint, [SPEECH, SHORT, STEREO, SAMPLES]) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{kind}", checkpoint, sound)
        for name, checkpoint in ALL.items()
        for kind, sound in {**KINDS, "long": LONG}.items()
    ),
    Case("m4a", WAV2VEC2, File("tests/data/speech.m4a")),
    Case(
        "dict_array",
        WAV2VEC2,
        {"array": SAMPLES, "sampling_rate": 16000, "path": "unused"},
        note="as the datasets library gives it",
    ),
    Case("dict_extra", HUBERT, raw(speaker="Lincoln"), note="other keys are dropped"),
    *(
        Case(f"{name}_{function}", checkpoint, SPEECH, {"function_to_apply": function})
        for name, checkpoint in ALL.items()
        for function in ("softmax", "sigmoid", "none")
    ),
    Case("function_none", HUBERT, SPEECH, {"function_to_apply": None}, note="softmax, though the checkpoint says else"),
    Case("unknown_function", WAV2VEC2, SPEECH, {"function_to_apply": "tanh"}, refused="function", note=REFUSED_TOO),
    *(Case(f"{name}_top_2", checkpoint, SPEECH, {"top_k": 2}) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_top_100", checkpoint, SPEECH, {"top_k": 100}) for name, checkpoint in ALL.items()),
    Case("top_none", WAV2VEC2, SPEECH, {"top_k": None}, note="five"),
    Case("top_of_constructor", WAV2VEC2, SPEECH, init={"top_k": 3}),
    Case("top_of_call_before_constructor", WAV2VEC2, SPEECH, {"top_k": 1}, init={"top_k": 3}),
    Case("top_none_of_constructor", WAV2VEC2, SPEECH, init={"top_k": None}, note="five"),
    Case("list_of_one", AST, [SPEECH]),
    Case("generator", HUBERT, Generator((SPEECH, STEREO))),
    Case("batch_size", WHISPER, [SPEECH, SHORT, STEREO], {"batch_size": 2}),
    Case("list_with_top_k", HUBERT, [SPEECH, SHORT], {"top_k": 1, "function_to_apply": "sigmoid"}),
    Case("two_channels", WAV2VEC2, np.zeros((2, 16000), np.float32), refused="single channel", note=REFUSED_TOO),
    Case(
        "two_channels_of_a_dict",
        AST,
        {"raw": np.zeros((16000, 2), np.float32), "sampling_rate": 16000},
        refused="single channel",
        note=REFUSED_TOO,
    ),
    Case("no_samples", WAV2VEC2, np.zeros(0, np.float32), refused="empty", note="the oracle fails inside the model"),
    Case(
        "too_few_samples",
        WAV2VEC2,
        np.zeros(399, np.float32),
        refused="needs 400",
        note="the oracle fails inside the model",
    ),
    Case(
        "too_few_samples_of_a_spectrogram",
        AST,
        np.zeros(399, np.float32),
        refused="needs 400",
        note="the oracle takes them for silence, or fails where they are fewer than 241 or torchaudio is there",
    ),
    Case(
        "not_a_number", WAV2VEC2, np.full(16000, np.nan, np.float32), refused="NaN", note="the oracle's scores are NaN"
    ),
    Case(
        "rate_of_0",
        WAV2VEC2,
        {"raw": SAMPLES, "sampling_rate": 0},
        refused="SAMPLING_RATE",
        note=REFUSED_TOO,
    ),
    Case(
        "rate_of_10_mhz",
        WAV2VEC2,
        {"raw": SAMPLES, "sampling_rate": 10_000_000},
        refused="SAMPLING_RATE",
        note="the oracle resamples it where torchaudio is there",
    ),
    Case("not_a_recording", WAV2VEC2, NO_RECORDING, refused="audio", note=REFUSED_TOO),
    Case("dict_without_rate", WAV2VEC2, {"raw": SAMPLES}, refused="sampling_rate", note=REFUSED_TOO),
]
