"""Audio: files of any format and samples of any rate to the model's samples, limits, and what is no audio."""

import io
import shutil
import subprocess
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from python_backend import audio
from python_backend.audio import Limits
from python_backend.parameters import InvalidInput

DATA = Path(__file__).parents[1] / "data"
RATE = 16_000
LIMITS = Limits(max_bytes=50_000_000, max_seconds=100)
FILES = ("speech.wav", "speech.flac", "speech.ogg", "speech.m4a", "speech_44100.mp3", "telephone.wav", "stereo.wav")


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype(np.float32) / 2


def encoded(
    samples: np.ndarray, rate: int, container: str, codec: str, layout: str = "mono", picture: bool = False
) -> bytes:
    """A file with the samples as its audio track."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        video = output.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p") if picture else None
        sound: Any = output.add_stream(codec, rate=rate, layout=layout) if len(samples) else None
        if video:
            output.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
            output.mux(video.encode(None))
        if sound:
            frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
            frame.sample_rate = rate
            frame_size = sound.codec_context.frame_size or 1024
            resampler = av.AudioResampler(sound.format, layout, rate, frame_size=frame_size)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(sound.encode(part))
            output.mux(sound.encode(None))
    return file.getvalue()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="compares with the ffmpeg command")
@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("file", FILES)
def test_samples_are_those_of_ffmpeg(file: str, rate: int) -> None:
    data = (DATA / file).read_bytes()
    command = ["ffmpeg", "-i", "pipe:0", "-ac", "1", "-ar", str(rate), "-f", "f32le", "-loglevel", "quiet", "pipe:1"]
    expected = np.frombuffer(subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout, np.float32)
    samples = audio.decode(data, rate, LIMITS)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("container", "codec", "rate", "layout", "picture"),
    [
        ("wav", "pcm_s16le", 8_000, "mono", False),
        ("wav", "pcm_s24le", 96_000, "stereo", False),
        ("flac", "flac", 22_050, "5.1", False),
        ("mp3", "libmp3lame", 44_100, "stereo", False),
        ("ogg", "libopus", 48_000, "stereo", False),
        ("webm", "libopus", 48_000, "mono", False),
        ("ipod", "aac", 44_100, "mono", False),
        ("mp4", "aac", 44_100, "stereo", True),
        ("matroska", "ac3", 32_000, "mono", True),
        ("mpegts", "mp2", 48_000, "stereo", False),
        ("avi", "pcm_s16le", 44_100, "mono", True),
    ],
)
def test_any_format_rate_and_number_of_channels(
    container: str, codec: str, rate: int, layout: str, picture: bool
) -> None:
    samples = audio.decode(encoded(tone(1.0, rate), rate, container, codec, layout, picture), RATE, LIMITS)
    assert len(samples) == pytest.approx(RATE, abs=0.1 * RATE)  # lossy formats pad
    middle = samples[2_000:14_000] * np.hanning(12_000)
    spectrum = np.abs(np.fft.rfft(middle))
    assert spectrum.argmax() * RATE / len(middle) == pytest.approx(440, abs=2)
    assert np.abs(middle).max() > 0.05


def test_decoding_stops_at_the_limit_of_seconds() -> None:
    """Two hours of silence are a small file: they are neither decoded nor held in memory whole."""
    silence = encoded(np.zeros(8_000 * 60, np.float32), 8_000, "ogg", "libopus")
    assert len(silence) < 100_000
    hours = encoded(np.zeros(8_000 * 7_200, np.float32), 8_000, "flac", "flac")
    start = time.perf_counter()
    with pytest.raises(InvalidInput, match=r"longer than the 60 s.*max_audio_seconds"):
        audio.decode(hours, RATE, Limits(50_000_000, 60))
    assert time.perf_counter() - start < 5
    assert len(audio.decode(silence, RATE, Limits(50_000_000, 60.1))) == pytest.approx(60 * RATE, rel=0.01)


def test_a_file_that_is_too_large_is_not_opened() -> None:
    with pytest.raises(InvalidInput, match="1,001 bytes; this deployment takes 1,000"):
        audio.decode(bytes(1_001), RATE, Limits(1_000, 60))


def wav_without_samples() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setparams((1, 2, RATE, 0, "NONE", ""))
    return file.getvalue()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: b"", "no format"),
        (lambda: b"hello world " * 100, "no format"),
        (lambda: (DATA / "scene.png").read_bytes(), "no format"),
        (lambda: np.random.default_rng(0).bytes(100_000), "no format"),
        (lambda: (DATA / "speech.m4a").read_bytes()[:20_000], "no format"),
        (lambda: (DATA / "speech.ogg").read_bytes()[:100], "no format"),
        (wav_without_samples, "no samples"),
        (lambda: encoded(np.empty(0, np.float32), RATE, "mp4", "aac", picture=True), "no audio track"),
    ],
)
def test_what_is_no_audio_is_refused(make: Callable[[], bytes], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        audio.decode(make(), RATE, LIMITS)


@pytest.mark.parametrize("file", ["speech.wav", "speech_44100.mp3", "speech.flac", "speech.ogg"])
def test_of_a_file_that_is_cut_off_what_is_there_is_decoded(file: str) -> None:
    """As ffmpeg does, and so the pipeline."""
    data = (DATA / file).read_bytes()
    whole, half = (audio.decode(part, RATE, LIMITS) for part in (data, data[: len(data) // 2]))
    assert 0.2 * len(whole) < len(half) < 0.8 * len(whole)


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{path}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    ],
    ids=["playlist", "concat", "session"],
)
def test_no_other_file_and_no_host_is_opened(content: str, tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    path.write_bytes((DATA / "speech.wav").read_bytes())
    start = time.perf_counter()
    with pytest.raises(InvalidInput, match="no format"):
        audio.decode(content.format(path=path).encode(), RATE, LIMITS)
    assert time.perf_counter() - start < 2  # a session would be waited for


@pytest.mark.parametrize("source", [8_000, 11_025, 22_050, 44_100, 48_000, 12_345, 96_000])
def test_resampled_tone_is_the_tone(source: int) -> None:
    resampled = audio.resample(tone(1.0, source), source, RATE)
    expected = tone(1.0, RATE)
    assert resampled.dtype == np.float32 and len(resampled) == len(expected)
    np.testing.assert_allclose(resampled[100:-100], expected[100:-100], atol=2e-3)


def test_resampling_drops_what_the_lower_rate_cannot_hold() -> None:
    assert np.abs(audio.resample(tone(1.0, 48_000, hertz=12_000), 48_000, RATE)[100:-100]).max() < 5e-3


def test_samples_at_the_models_rate_are_left_alone() -> None:
    samples = tone(0.1, RATE)
    assert audio.read_samples(samples, RATE, RATE, LIMITS) is samples
    assert len(audio.read_samples(samples, 8_000, RATE, LIMITS)) == 2 * len(samples)


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(0, np.float32), RATE, "empty"),
        (np.array([0.0, np.nan], np.float32), RATE, "NaN"),
        (np.array([0.0, np.inf], np.float32), 8_000, "infinite"),
        (np.zeros(10, np.float32), 0, "SAMPLING_RATE must be from 1,000 to 768,000"),
        (np.zeros(10, np.float32), -16_000, "SAMPLING_RATE"),
        (np.zeros(10, np.float32), 10_000_000, "SAMPLING_RATE"),
        (np.zeros(200_000, np.float32), 1_000, "longer than the 100 s"),
    ],
)
def test_bad_samples_are_refused(samples: np.ndarray, rate: int, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        audio.read_samples(samples, rate, RATE, LIMITS)
