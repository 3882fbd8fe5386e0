"""text-to-audio, and saving what it gives."""

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clients.fake import fake, ints, sent
from triton_pipelines import InvalidInput, save_wav
from triton_pipelines.transport import Request, Tensors


def answer(request: Request, channels: int = 1, dimensions: int = 2) -> Tensors:
    """Three samples, then two, padded with zeros."""
    rows = len(request.tensors["TEXT"])
    audio = np.zeros((rows, channels, 3), np.float32)
    counts = [3 - row % 2 for row in range(rows)]
    for row, count in enumerate(counts):
        audio[row, :, :count] = 0.5 + row
    return {
        "AUDIO": audio,
        "COUNT": ints(*[[count] for count in counts]),
        "SAMPLING_RATE": ints(*[[16000]] * rows),
        "DIMENSIONS": ints(*[[dimensions]] * rows),
    }


@pytest.mark.parametrize(
    ("channels", "dimensions", "shape"), [(1, 1, (3,)), (1, 2, (1, 3)), (1, 3, (1, 1, 3)), (2, 3, (1, 2, 3))]
)
def test_a_sound_has_the_shape_of_the_pipelines(channels: int, dimensions: int, shape: tuple[int, ...]) -> None:
    speak, transport = fake("text-to-speech", lambda request: answer(request, channels, dimensions))
    result = speak("Call me")
    assert list(result) == ["audio", "sampling_rate"]
    assert result["audio"].shape == shape and result["audio"].dtype == np.float32
    assert (result["audio"] == 0.5).all()
    assert type(result["sampling_rate"]) is int and result["sampling_rate"] == 16000
    assert sent(transport.request, "TEXT") == [["Call me"]]
    assert list(transport.request.tensors) == ["TEXT"] and transport.request.parameters == {}


def test_sounds_of_a_list_have_their_own_lengths() -> None:
    speak, transport = fake("text-to-audio", answer)
    results = speak(["Call", "me"])
    assert [result["audio"].tolist() for result in results] == [[[0.5] * 3], [[1.5] * 2]]
    assert all(result["audio"].base is None for result in results)  # none keeps the others in memory
    assert len(transport.requests) == 1
    assert [result["audio"].shape for result in speak(text for text in ["a"])] == [(1, 3)]


def test_a_batch_is_small() -> None:
    speak, transport = fake("text-to-audio", answer)
    speak(["Hi"] * 9)
    assert sorted(len(request.tensors["TEXT"]) for request in transport.requests) == [1, 4, 4]


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"forward_params": {"speaker_id": np.int64(2), "seed": 3}}, {"speaker_id": 2, "seed": 3}),
        ({"generate_kwargs": {"do_sample": True, "temperature": 0.7}}, {"do_sample": True, "temperature": 0.7}),
        ({"preprocess_params": {"normalize": False, "truncation": True}}, {"normalize": False, "truncation": True}),
        ({"forward_params": {"top_k": 1}, "generate_kwargs": {"top_k": 2}}, {"top_k": 2}),
        ({"voice_preset": "v2/en_speaker_6", "seed": 1}, {"voice_preset": "v2/en_speaker_6", "seed": 1}),
        ({"forward_params": None, "generate_kwargs": {}}, {}),
        ({"generate_kwargs": {"guidance_scale": None}}, {"guidance_scale": "null"}),
    ],
)
def test_dicts_become_parameters(arguments: dict[str, Any], parameters: dict[str, Any]) -> None:
    speak, transport = fake("text-to-audio", answer)
    before = {name: dict(value) for name, value in arguments.items() if isinstance(value, dict)}
    speak("Hi", **arguments)
    assert transport.request.parameters == parameters
    assert {name: arguments[name] for name in before} == before


def test_arguments_of_the_constructor_are_defaults() -> None:
    speak, transport = fake("text-to-audio", answer, forward_params={"speaker_embeddings": np.zeros(4)}, seed=1)
    speak("Hi", forward_params={"threshold": 0.4}, seed=2)
    assert transport.request.parameters == {"threshold": 0.4, "seed": 2}
    assert transport.request.tensors["SPEAKER_EMBEDDING"].tolist() == [[0.0] * 4]


@pytest.mark.parametrize("shape", [(4,), (1, 4)])
def test_the_voice_goes_with_each_text(shape: tuple[int, ...]) -> None:
    speak, transport = fake("text-to-audio", answer)
    speak(["Hi", "Ho"], forward_params={"speaker_embeddings": np.arange(4.0).reshape(shape)})
    tensor = transport.request.tensors["SPEAKER_EMBEDDING"]
    assert tensor.dtype == np.float32 and tensor.tolist() == [[0, 1, 2, 3]] * 2
    assert transport.request.parameters == {}


@pytest.mark.parametrize(
    ("inputs", "arguments", "message"),
    [
        (3, {}, "must be a string"),
        ({"text": "Hi"}, {}, "must be a string"),
        ("Hi", {"forward_params": [1]}, "forward_params must be a dict, not list"),
        ("Hi", {"generate_kwargs": {"generation_config": object()}}, "generation_config"),
        ("Hi", {"forward_params": {"history_prompt": {"semantic_prompt": 1}}}, "history_prompt .*voice_preset"),
        ("Hi", {"preprocess_params": {"max_length": 5}}, "preprocess_params takes truncation and normalize"),
        ("Hi", {"forward_params": {"speaker_embeddings": np.zeros((2, 4))}}, r"\[2, 4\]: one voice"),
        ("Hi", {"forward_params": {"speaker_embeddings": "Ada"}}, "must be numbers"),
        ("Hi", {"forward_params": {"speaker_id": [1]}}, "speaker_id"),
        ("Hi", {"vocoder": object()}, "vocoder .*scripts/install.py"),
        ("Hi", {"sampling_rate": 8000}, "sampling_rate"),
    ],
)
def test_refusals(inputs: Any, arguments: dict[str, Any], message: str) -> None:
    speak, transport = fake("text-to-audio", answer)
    with pytest.raises(InvalidInput, match=message):
        speak(inputs, **arguments)
    assert not transport.requests


# WAV files.


def read(file: Any) -> tuple[int, int, np.ndarray]:
    """Rate, bytes a sample, and samples [channels, samples]."""
    with wave.open(file) as reader:
        frames = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
        return reader.getframerate(), reader.getsampwidth(), frames.reshape(-1, reader.getnchannels()).T


@pytest.mark.parametrize("shape", [(4,), (1, 4), (1, 1, 4)])
def test_a_sound_is_saved(shape: tuple[int, ...], tmp_path: Path) -> None:
    audio = np.array([0, 0.5, -1, 1], np.float32).reshape(shape)
    for file in (tmp_path / "sound.wav", str(tmp_path / "sound.wav")):
        save_wav({"audio": audio, "sampling_rate": 16000}, file)
        rate, width, samples = read(str(tmp_path / "sound.wav"))
        assert (rate, width) == (16000, 2)
        assert samples.tolist() == [[0, 16384, -32767, 32767]]


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3)])
def test_two_channels_alternate(shape: tuple[int, ...]) -> None:
    buffer = io.BytesIO()
    save_wav({"audio": np.array([0, 0.1, 0.2, 1, 0.9, 0.8]).reshape(shape), "sampling_rate": 8000}, buffer)
    rate, _, samples = read(io.BytesIO(buffer.getvalue()))
    assert rate == 8000 and samples.tolist() == [[0, 3277, 6553], [32767, 29490, 26214]]


def test_what_is_too_loud_is_clipped_and_what_is_no_number_is_silent() -> None:
    buffer = io.BytesIO()
    audio = np.array([7, -7, np.nan, np.inf, -np.inf], np.float32)
    save_wav({"audio": audio, "sampling_rate": 8000}, buffer)
    assert read(io.BytesIO(buffer.getvalue()))[2].tolist() == [[32767, -32767, 0, 32767, -32767]]


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros((3, 4)), r"not \[3, 4\]"),
        (np.zeros((2, 2, 4)), r"not \[2, 2, 4\]"),
        (np.zeros((0, 4)), r"not \[0, 4\]"),
        (np.zeros(4, np.int16), "not int16"),
    ],
)
def test_what_is_no_sound_is_not_saved(audio: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        save_wav({"audio": audio, "sampling_rate": 8000}, tmp_path / "sound.wav")
    assert not (tmp_path / "sound.wav").exists()
