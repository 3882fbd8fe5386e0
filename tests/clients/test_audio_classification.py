from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clients.fake import fake, floats, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors

SAMPLES = np.array([0.0, 0.5, -0.5])


def answer(request: Request) -> Tensors:
    rows = len(next(iter(request.tensors.values())))
    return {"LABEL": text(*[["dog", "rain"]] * rows), "SCORE": floats(*[[0.75, 0.25]] * rows)}


FOUND = [{"score": 0.75, "label": "dog"}, {"score": 0.25, "label": "rain"}]


def test_a_recording_gives_its_labels(tmp_path: Path) -> None:
    (tmp_path / "dog.flac").write_bytes(b"encoded")
    classify, transport = fake("audio-classification", answer)
    for audio in (str(tmp_path / "dog.flac"), tmp_path / "dog.flac", b"encoded", bytearray(b"encoded")):
        assert classify(audio) == FOUND
    assert [request.tensors["AUDIO"].tolist() for request in transport.requests] == [[[b"encoded"]]] * 4
    assert list(classify(b"a")[0]) == ["score", "label"]
    assert classify([b"a", b"b"]) == [FOUND, FOUND]
    assert list(classify(sound for sound in (b"a", SAMPLES))) == [FOUND, FOUND]


def test_a_url_is_read_by_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    from triton_pipelines import sources

    monkeypatch.setattr(sources, "fetch", lambda url, timeout: url.encode())
    classify, transport = fake("audio-classification", answer)
    classify("https://example.org/dog.flac")
    assert transport.request.tensors["AUDIO"].tolist() == [[b"https://example.org/dog.flac"]]


def test_an_array_has_the_rate_of_the_model() -> None:
    classify, transport = fake("audio-classification", answer)
    assert classify(SAMPLES) == FOUND
    assert classify(np.array([1, 2], np.int16)) == FOUND
    first, second = transport.requests
    assert list(first.tensors) == ["SAMPLES"] and first.tensors["SAMPLES"].tolist() == [SAMPLES.tolist()]
    assert second.tensors["SAMPLES"].dtype == np.float32 and second.tensors["SAMPLES"].tolist() == [[1, 2]]


class Samples:
    """What an array of PyTorch or JAX looks like."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return SAMPLES

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("it is one item")

    def __len__(self) -> int:
        return len(SAMPLES)


def test_arrays_of_other_libraries_are_arrays() -> None:
    classify, transport = fake("audio-classification", answer)
    assert classify(Samples()) == FOUND
    assert transport.request.tensors["SAMPLES"].tolist() == [SAMPLES.tolist()]


@pytest.mark.parametrize("key", ["raw", "array"])
def test_a_dict_has_a_rate_and_is_left_as_it_is(key: str) -> None:
    classify, transport = fake("audio-classification", answer)
    audio = {key: SAMPLES, "sampling_rate": 8000.0, "path": "ignored.wav", "speaker": "Ada"}
    assert classify(audio) == FOUND
    assert list(audio) == [key, "sampling_rate", "path", "speaker"]
    assert transport.request.tensors["SAMPLING_RATE"].tolist() == [[8000]]
    assert transport.request.tensors["SAMPLING_RATE"].dtype == np.int32


def test_arrays_of_one_length_share_a_request() -> None:
    classify, transport = fake("audio-classification", answer)
    assert len(classify([SAMPLES, SAMPLES, SAMPLES[:2], {"raw": SAMPLES, "sampling_rate": 8000}], num_workers=0)) == 4
    shapes = [request.tensors["SAMPLES"].shape for request in transport.requests]
    assert shapes == [(2, 3), (1, 2), (1, 3)]


@pytest.mark.parametrize(
    ("defaults", "arguments", "parameters"),
    [
        ({}, {}, {}),
        ({}, {"top_k": 2, "function_to_apply": "none"}, {"top_k": 2, "function_to_apply": "none"}),
        ({}, {"top_k": None, "function_to_apply": None}, {}),
        ({"top_k": None}, {}, {}),
        ({"top_k": 3, "function_to_apply": "sigmoid"}, {"top_k": 1}, {"top_k": 1, "function_to_apply": "sigmoid"}),
    ],
)
def test_parameters(defaults: dict[str, Any], arguments: dict[str, Any], parameters: dict[str, Any]) -> None:
    classify, transport = fake("audio-classification", answer, **defaults)
    classify(b"a", **arguments)
    assert transport.request.parameters == parameters


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros((2, 3)), "single channel audio input for AudioClassificationPipeline"),
        ({"raw": np.zeros((2, 3)), "sampling_rate": 1}, "single channel"),
        ({"raw": SAMPLES}, "sampling_rate"),
        ({"raw": SAMPLES, "sampling_rate": None}, "sampling_rate"),
        ({"sampling_rate": 8000}, "raw"),
        ({"raw": SAMPLES, "sampling_rate": "fast"}, "must be an integer"),
        ({"raw": SAMPLES, "sampling_rate": 8000.5}, "must be an integer"),
        ({"raw": SAMPLES, "sampling_rate": float("nan")}, "must be an integer"),
        ({"raw": SAMPLES, "sampling_rate": 10**12}, "must be an integer"),
        ({"raw": [0.0, 0.5], "sampling_rate": 8000}, "not list"),
        (np.array([b"a"]), "real numbers"),
        (np.array([1j]), "real numbers"),
        (3, "not int"),
        ("no/such/file.wav", "no/such/file.wav"),
    ],
)
def test_refusals(audio: Any, message: str) -> None:
    classify, transport = fake("audio-classification", answer)
    with pytest.raises(InvalidInput, match=message):
        classify(audio)
    assert not transport.requests
