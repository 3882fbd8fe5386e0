from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clients.fake import fake, floats, ints, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors

SAMPLES = np.array([0.0, 0.5, -0.5])


def answer(request: Request) -> Tensors:
    rows = len(next(iter(request.tensors.values())))
    return {
        "TEXT": text(*[["HE HOPED"]] * rows),
        "CHUNK_TEXT": text(*[["HE", "HOPED", ""]] * rows),
        "CHUNK_START": floats(*[[0.02, 0.6, np.nan]] * rows),
        "CHUNK_END": floats(*[[0.5, np.nan, np.nan]] * rows),
        "CHUNK_LANGUAGE": text(*[["english", "", ""]] * rows),
        "COUNT": ints(*[[2]] * rows),
    }


def test_a_recording_gives_its_text(tmp_path: Path) -> None:
    (tmp_path / "speech.flac").write_bytes(b"encoded")
    transcribe, transport = fake("automatic-speech-recognition", answer)
    for audio in (str(tmp_path / "speech.flac"), tmp_path / "speech.flac", b"encoded"):
        assert transcribe(audio) == {"text": "HE HOPED"}
    assert [request.tensors["AUDIO"].tolist() for request in transport.requests] == [[[b"encoded"]]] * 3
    assert transcribe([b"a", b"b"]) == [{"text": "HE HOPED"}] * 2


def test_an_array_has_the_rate_of_the_model() -> None:
    transcribe, transport = fake("automatic-speech-recognition", answer)
    transcribe(SAMPLES)
    assert list(transport.request.tensors) == ["SAMPLES"]
    assert transport.request.tensors["SAMPLES"].dtype == np.float32
    assert transport.request.tensors["SAMPLES"].tolist() == [SAMPLES.tolist()]


@pytest.mark.parametrize("key", ["raw", "array"])
def test_a_dict_has_a_rate_and_is_left_as_it_is(key: str) -> None:
    transcribe, transport = fake("automatic-speech-recognition", answer)
    audio = {key: SAMPLES, "sampling_rate": 8000, "speaker": "Ada"}
    assert transcribe(audio) == {"text": "HE HOPED", "speaker": ["Ada"]}
    assert list(audio) == [key, "sampling_rate", "speaker"]
    assert transport.request.tensors["SAMPLING_RATE"].tolist() == [[8000]]
    assert transport.request.tensors["SAMPLING_RATE"].dtype == np.int32


def test_an_item_of_a_dataset_loses_its_path() -> None:
    transcribe, _ = fake("automatic-speech-recognition", answer)
    assert transcribe({"array": SAMPLES, "path": "a.wav", "sampling_rate": 8000}) == {"text": "HE HOPED"}


def test_arrays_of_different_lengths_travel_apart() -> None:
    transcribe, transport = fake("automatic-speech-recognition", answer)
    assert len(transcribe([SAMPLES, SAMPLES, SAMPLES[:2]], batch_size=3)) == 3
    assert [request.tensors["SAMPLES"].shape for request in transport.requests] == [(2, 3), (1, 2)]


SEGMENTS = [("HE", (0.02, 0.5)), ("HOPED", (0.6, None))]


@pytest.mark.parametrize(
    ("arguments", "chunks"),
    [
        ({"return_timestamps": "word"}, [{"text": said, "timestamp": at} for said, at in SEGMENTS]),
        ({"return_timestamps": True}, [{"timestamp": at, "text": said} for said, at in SEGMENTS]),
        ({"return_language": True}, [{"language": "english", "text": "HE"}, {"language": None, "text": "HOPED"}]),
        (
            {"return_timestamps": True, "return_language": True},
            [
                {"language": language, "timestamp": at, "text": said}
                for language, (said, at) in zip(["english", None], SEGMENTS, strict=True)
            ],
        ),
    ],
)
def test_chunks(arguments: dict[str, Any], chunks: list[dict[str, Any]]) -> None:
    transcribe, _ = fake("automatic-speech-recognition", answer)
    result = transcribe(b"a", **arguments)
    assert result == {"text": "HE HOPED", "chunks": chunks}
    assert [list(chunk) for chunk in result["chunks"]] == [list(chunk) for chunk in chunks]


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"return_timestamps": True}, {"return_timestamps": "true"}),
        ({"return_timestamps": False}, {"return_timestamps": "false"}),
        (
            {"chunk_length_s": 30, "stride_length_s": (4, 2)},
            {"chunk_length_s": 30, "stride_length_s_left": 4, "stride_length_s_right": 2},
        ),
        ({"stride_length_s": 4}, {"stride_length_s_left": 4, "stride_length_s_right": 4}),
        (
            {"generate_kwargs": {"language": "en", "temperature": (0.0, 0.2)}, "max_new_tokens": 9, "num_beams": 2},
            {"language": "en", "temperature": "0.0,0.2", "max_new_tokens": 9, "num_beams": 2},
        ),
        ({"ignore_warning": True}, {}),
    ],
)
def test_parameters(arguments: dict[str, Any], parameters: dict[str, Any]) -> None:
    transcribe, transport = fake("automatic-speech-recognition", answer)
    transcribe(b"a", **arguments)
    assert transport.request.parameters == parameters


@pytest.mark.parametrize(
    ("audio", "arguments", "message"),
    [
        (np.zeros((2, 3)), {}, "single channel"),
        ({"raw": np.zeros((2, 3)), "sampling_rate": 1}, {}, "single channel"),
        ({"raw": SAMPLES}, {}, "sampling_rate"),
        ({"sampling_rate": 8000}, {}, "raw"),
        ({"raw": SAMPLES, "sampling_rate": 8000, "stride": 1}, {}, "left and right"),
        (3, {}, "not int"),
        ("no/such/file.wav", {}, "no/such/file.wav"),
        (b"a", {"stride_length_s": (1, 2, 3)}, "left and right"),
        (b"a", {"decoder_kwargs": {"lm_start_state": object()}}, "lm_start_state"),
        (b"a", {"decoder_kwargs": {"hotwords": 3}}, "hotwords"),
        (b"a", {"max_new_tokens": 1, "generate_kwargs": {"max_new_tokens": 1}}, "twice"),
        (b"a", {"generate_kwargs": {"generation_config": object()}}, "generation_config"),
    ],
)
def test_refusals(audio: Any, arguments: dict[str, Any], message: str) -> None:
    transcribe, transport = fake("automatic-speech-recognition", answer)
    with pytest.raises(InvalidInput, match=message):
        transcribe(audio, **arguments)
    assert not transport.requests


def test_a_language_model_gets_its_options_and_hotwords() -> None:
    transcribe, transport = fake("automatic-speech-recognition", answer)
    transcribe(b"a", decoder_kwargs={"beam_width": 5, "hotwords": ["Ada"], "prune_history": None})
    assert transport.request.parameters == {"beam_width": 5}
    assert transport.request.tensors["HOTWORDS"].tolist() == [[b"Ada"]]


def test_samples_bring_their_context() -> None:
    transcribe, transport = fake("automatic-speech-recognition", answer)
    result = transcribe({"raw": SAMPLES, "sampling_rate": 8000, "stride": (3, 2)})
    assert transport.request.tensors["STRIDE"].tolist() == [[3, 2]] and "stride" not in result
