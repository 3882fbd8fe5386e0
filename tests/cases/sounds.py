"""Recordings that several tasks are asked about."""

from tests.cases import File, Samples

SPEECH, SHORT, STEREO, LONG = (
    File(f"tests/data/{name}") for name in ("speech.wav", "short.wav", "stereo.wav", "long.ogg")
)
SAMPLES = Samples("tests/data/speech.wav")
NO_RECORDING = File("tests/data/page.txt")
KINDS = {
    "mp3": File("tests/data/speech_44100.mp3"),
    "ogg": File("tests/data/speech.ogg"),
    "telephone": File("tests/data/telephone.wav"),
    "stereo": STEREO,
    "short": SHORT,
}
"""The spoken sentence, or its start, in other formats, rates and channels."""


def raw(**more: object) -> dict[str, object]:
    """SAMPLES as the dict that the pipelines take."""
    return {"raw": SAMPLES, "sampling_rate": 16000, **more}
