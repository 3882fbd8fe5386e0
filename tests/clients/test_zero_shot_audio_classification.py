from typing import Any

import numpy as np
import pytest

from tests.clients.fake import fake, floats, ints, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors

SAMPLES = np.array([0.0, 0.5, -0.5])


def answer(request: Request) -> Tensors:
    rows = len(next(iter(request.tensors.values())))
    return {
        "LABEL": text(*[["dog", "rain", ""]] * rows),
        "SCORE": floats(*[[0.75, 0.25, 0]] * rows),
        "COUNT": ints(*[[2]] * rows),
    }


FOUND = [{"score": 0.75, "label": "dog"}, {"score": 0.25, "label": "rain"}]


def test_labels_go_with_each_audio() -> None:
    classify, transport = fake("zero-shot-audio-classification", answer)
    assert classify(b"audio", candidate_labels=["rain", "dog"], hypothesis_template="A {}.") == FOUND
    assert list(classify(b"audio", candidate_labels=["rain"])[0]) == ["score", "label"]
    first, second = transport.requests
    assert sent(first, "CANDIDATE_LABELS") == [["rain", "dog"]] and first.parameters == {"hypothesis_template": "A {}."}
    assert second.parameters == {}
    assert classify([b"audio", b"audio"], candidate_labels="rain, dog") == [FOUND, FOUND]
    assert sent(transport.requests[2], "CANDIDATE_LABELS") == [["rain", "dog"]] * 2
    assert classify(audios=SAMPLES, candidate_labels=["rain"]) == FOUND


def test_samples_and_their_rate() -> None:
    classify, transport = fake("zero-shot-audio-classification", answer, candidate_labels=["rain"])
    assert classify(SAMPLES) == FOUND
    assert classify({"array": SAMPLES, "sampling_rate": 8000, "path": "a.wav"}) == FOUND
    first, second = transport.requests
    assert set(first.tensors) == {"SAMPLES", "CANDIDATE_LABELS"}
    assert second.tensors["SAMPLING_RATE"].tolist() == [[8000]]


@pytest.mark.parametrize("labels", [None, [], "", ["rain", ""]])
def test_labels_that_are_none(labels: Any) -> None:
    classify, transport = fake("zero-shot-audio-classification", answer)
    with pytest.raises(InvalidInput, match="label"):
        classify(b"audio", candidate_labels=labels)
    assert not transport.requests


def test_several_channels_are_refused() -> None:
    classify, transport = fake("zero-shot-audio-classification", answer, candidate_labels=["rain"])
    with pytest.raises(InvalidInput, match="single channel audio input for ZeroShotAudioClassificationPipeline"):
        classify(np.zeros((2, 3)))
    assert not transport.requests
