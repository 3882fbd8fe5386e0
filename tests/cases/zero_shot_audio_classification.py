"""Cases of zero-shot-audio-classification."""

from typing import Any
from unittest import mock

import numpy as np

from tests.cases import REFUSED_TOO, Bytes, Case, Generator
from tests.cases.sounds import KINDS, LONG, NO_RECORDING, SAMPLES, SHORT, SPEECH, STEREO

FUSED = "zero_shot_audio_classification_fused"
UNFUSED = "zero_shot_audio_classification_unfused"
ALL = {"fused": FUSED, "unfused": UNFUSED}
LABELS = ["speech", "a white whale", "rain on a house", "the best of times"]
GIVEN = {"candidate_labels": LABELS}


def mend(pipeline: Any, case: Case) -> dict[str, Any]:
    """Of the parts of longer audio that 4.48.1 draws by lot, let it draw the middle ones."""
    extractor = pipeline.feature_extractor
    hear = extractor._get_input_mel
    lots: dict[str, Any] = {
        "choice": lambda parts: parts[len(parts) // 2],
        "randint": lambda low, high: (low + high - 1) // 2,
    }

    def hear_the_middle(*arguments: Any) -> Any:
        with mock.patch.multiple(np.random, **lots):
            return hear(*arguments)

    extractor._get_input_mel = hear_the_middle
    return {}


def at_48_khz(seconds: float) -> np.ndarray:
    """A sound that rises."""
    time = np.arange(round(48_000 * seconds)) / 48_000
    return (np.sin(2 * np.pi * (300 + 200 * time) * time) / 3).astype(np.float32)


CASES = [
    *(Case(f"{name}_one", checkpoint, SPEECH, GIVEN) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{kind}", checkpoint, sound, GIVEN)
        for name, checkpoint in ALL.items()
        for kind, sound in {**KINDS, "long": LONG}.items()
    ),
    *(Case(f"{name}_bytes", checkpoint, Bytes("tests/data/speech.flac"), GIVEN) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{seconds}_s", checkpoint, at_48_khz(seconds), GIVEN, note=note)
        for name, checkpoint in ALL.items()
        for seconds, note in {
            0.3: "shorter than the 2 s that the model takes",
            1.5: "",
            2.0: "",
            2.005: "longer by less than a frame",
            2.015: "longer by a frame",
            2.5: "longer",
        }.items()
    ),
    *(Case(f"{name}_list", checkpoint, [SPEECH, SHORT, STEREO], GIVEN) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_template", checkpoint, SPEECH, {**GIVEN, "hypothesis_template": "We hear {} here, by the sea."})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_one_label", checkpoint, SPEECH, {"candidate_labels": ["whale"]})
        for name, checkpoint in ALL.items()
    ),
    Case("labels_alone", FUSED, SPEECH, {**GIVEN, "hypothesis_template": "{}"}),
    Case("a_label_twice", FUSED, SPEECH, {"candidate_labels": ["rain", "speech", "rain"]}),
    Case("labels_of_constructor", FUSED, SPEECH, init=GIVEN),
    Case("template_of_constructor", UNFUSED, SPEECH, GIVEN, init={"hypothesis_template": "{}!"}),
    Case("samples_of_16_khz", FUSED, SAMPLES, GIVEN, note="taken to have the model's rate"),
    Case("list_of_one", FUSED, [SPEECH], GIVEN),
    Case("generator", UNFUSED, Generator((SPEECH, SHORT)), GIVEN),
    Case("no_labels", FUSED, SPEECH, {"candidate_labels": []}, refused="label", note="the oracle fails inside"),
    Case("labels_missing", FUSED, SPEECH, refused="candidate_labels", note="the oracle fails inside"),
    Case(
        "long_label",
        FUSED,
        SPEECH,
        {"candidate_labels": ["whale " * 60]},
        refused="48",
        note="the oracle fails inside the model",
    ),
    Case(
        "template_without_a_place",
        FUSED,
        SPEECH,
        {**GIVEN, "hypothesis_template": "a sound"},
        refused="hypothesis_template",
        note="the oracle asks for the same sentence again and again",
    ),
    Case("two_channels", FUSED, np.zeros((2, 48000), np.float32), GIVEN, refused="single channel", note=REFUSED_TOO),
    Case("no_samples", FUSED, np.zeros(0, np.float32), GIVEN, refused="empty", note="the oracle divides by zero"),
    Case(
        "not_a_number",
        FUSED,
        np.full(48000, np.nan, np.float32),
        GIVEN,
        refused="NaN",
        note="the oracle's scores are NaN",
    ),
    Case("not_a_recording", FUSED, NO_RECORDING, GIVEN, refused="audio", note=REFUSED_TOO),
]
