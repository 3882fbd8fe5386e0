"""Zero-shot audio classification: features as CLAP's extractor makes them, labels of each audio, encoded once for all
audio that shares them."""

from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from python_backend.clap_features import ClapFeatureExtractor
from python_backend.parameters import InvalidInput
from python_backend.stage import Request, Tensors
from python_backend.tasks.zero_shot_audio_classification import PARAMETERS, Preprocess
from tests.unit.ensemble import Ensemble, Sent, lists, text

TASK = "zero_shot_audio_classification"
ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data"
SPEECH, SHORT, LONG = ((DATA / file).read_bytes() for file in ("speech.flac", "short.wav", "long.ogg"))
RATE = 48_000
WORDS = ["speech", "a white whale", "rain"]


@pytest.fixture(scope="module", params=["fused", "unfused"])
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble(TASK, checkpoints / f"{TASK}_{request.param}")


@pytest.fixture(scope="module")
def fused(checkpoints: Path) -> Ensemble:
    return Ensemble(
        TASK, checkpoints / f"{TASK}_fused", max_candidate_labels="50", max_text_bytes="2000", max_batch_rows="2"
    )


def files(*rows: bytes, labels: list[str] | None = None) -> Tensors:
    return {"AUDIO": text(*rows), "CANDIDATE_LABELS": lists(*[labels or WORDS] * len(rows))}


def noise(seconds: float, rows: int = 1, seed: int = 0) -> np.ndarray:
    """[rows, samples]"""
    return np.random.default_rng(seed).normal(0, 0.1, (rows, round(seconds * RATE))).astype(np.float32)


def check_equal(result: Any, alone: Tensors) -> None:
    assert isinstance(result, dict), result
    assert result["LABEL"].tolist() == alone["LABEL"].tolist()
    assert result["COUNT"].tolist() == alone["COUNT"].tolist()
    np.testing.assert_allclose(result["SCORE"], alone["SCORE"], atol=1e-5)


# Batches.


def test_requests_that_share_a_batch_get_the_answers_they_get_alone(each: Ensemble) -> None:
    samples = {"SAMPLES": noise(3.0), "CANDIDATE_LABELS": lists(WORDS)}
    sent: list[Sent] = [
        (files(SPEECH), {}),
        (files(SHORT, LONG), {}),
        (files(SHORT, labels=["the best of times", "rain"]), {}),
        (files(SPEECH), {"hypothesis_template": "{}"}),
        (samples, {}),
        ({**samples, "SAMPLING_RATE": np.array([[16_000]], np.int32)}, {}),
    ]
    for request, together in zip(sent, each.batch(*sent), strict=True):
        check_equal(together, each(request[0], **request[1]))


def test_rows_of_one_request_may_differ_in_labels(each: Ensemble) -> None:
    sent = {"AUDIO": text(SPEECH, SHORT), "CANDIDATE_LABELS": lists(["rain"], ["house", "speech"])}
    result = each(sent)
    assert result["COUNT"].tolist() == [[1], [2]] and result["LABEL"][0].tolist() == [b"rain", b""]
    assert result["SCORE"][0].tolist() == [1, 0] and result["SCORE"][1].sum() == pytest.approx(1, abs=1e-5)
    alone = each(files(SHORT, labels=["house", "speech"]))
    check_equal({name: result[name][1:] for name in ("LABEL", "SCORE", "COUNT")}, alone)


def test_equal_labels_share_a_pass(fused: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of max_batch_rows at most."""
    passes = []
    forward = fused.model.forward_rows
    monkeypatch.setattr(fused.model, "forward_rows", lambda rows: passes.append(len(rows)) or forward(rows))  # type: ignore[func-returns-value]
    other: Sent = (files(SPEECH, labels=["sea"]), {})
    fused.batch((files(SPEECH), {}), other, (files(SHORT), {}), (files(LONG), {}))
    assert sorted(passes) == [1, 1, 2]


def test_a_bad_item_fails_alone(each: Ensemble) -> None:
    nan = {"SAMPLES": np.full((1, RATE), np.nan, np.float32), "CANDIDATE_LABELS": lists(WORDS)}
    good, garbage, not_a_number, other = each.batch(
        (files(SPEECH), {}), (files(SHORT, b"no audio"), {}), (nan, {}), (files(SHORT), {})
    )
    assert isinstance(garbage, InvalidInput) and isinstance(not_a_number, InvalidInput)
    check_equal(good, each(files(SPEECH)))
    check_equal(other, each(files(SHORT)))


# Inputs.


@pytest.mark.parametrize(
    ("labels", "parameters", "message"),
    [
        ([], {}, "at least one label"),
        ([""], {}, "at least one label"),
        (["a"] * 10_000, {}, "10,000 labels; this deployment takes 50"),
        (["a" * 3000], {}, "max_text_bytes"),
        (["a"], {"hypothesis_template": "no place"}, "hypothesis_template"),
        (["a"], {"hypothesis_template": "{:>999999999}"}, "hypothesis_template"),
        ([" ".join(["whale"] * 60)], {}, "tokens; the model takes 48"),
    ],
)
def test_labels_that_cannot_be_fail_alone(
    fused: Ensemble, labels: list[str], parameters: dict[str, str], message: str
) -> None:
    sent = {"AUDIO": text(SHORT), "CANDIDATE_LABELS": lists(labels)}
    refused, answered = fused.batch((sent, parameters), (files(SHORT), {}))
    assert isinstance(refused, InvalidInput) and isinstance(answered, dict)
    with pytest.raises(InvalidInput, match=message):
        raise refused


def test_one_row_without_labels(fused: Ensemble) -> None:
    with pytest.raises(InvalidInput, match="at least one label"):
        fused({"AUDIO": text(SHORT, SHORT), "CANDIDATE_LABELS": lists(WORDS, [])})


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "either AUDIO"),
        ({"AUDIO": text(SHORT), "SAMPLES": noise(0.1)}, "either AUDIO"),
        ({"AUDIO": text((DATA / "moving.mp4").read_bytes())}, "no audio track"),
        ({"AUDIO": text((DATA / "speech_44100.mp3").read_bytes()[:64])}, "no format|no samples"),
        ({"SAMPLES": np.zeros((1, 0), np.float32)}, "empty"),
        ({"SAMPLES": np.full((1, 1_000), np.inf, np.float32)}, "NaN or infinite"),
        ({"SAMPLES": noise(1), "SAMPLING_RATE": np.array([[0]])}, "got 0"),
        ({"SAMPLES": noise(1), "SAMPLING_RATE": np.array([[10_000_000]])}, "got 10,000,000"),
    ],
)
def test_bad_audio_is_refused(fused: Ensemble, tensors: Tensors, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        fused({**tensors, "CANDIDATE_LABELS": lists(WORDS)})


@pytest.mark.parametrize(
    ("settings", "rows", "message"),
    [
        ({"max_audio_seconds": "5"}, [SPEECH], "max_audio_seconds"),
        ({"max_audio_seconds": "6.5"}, [SHORT, SPEECH, SHORT], "in all"),
        ({"max_audio_bytes": "1000"}, [SHORT], "max_audio_bytes"),
    ],
)
def test_limits(checkpoints: Path, settings: dict[str, str], rows: list[bytes], message: str) -> None:
    stage = Preprocess.local(checkpoints / f"{TASK}_fused", settings)
    with pytest.raises(InvalidInput, match=message):
        stage.process(Request(files(*rows), PARAMETERS.parse({})))


def test_a_single_sample_is_answered(each: Ensemble) -> None:
    result = each({"SAMPLES": np.full((1, 1), 0.5, np.float32), "CANDIDATE_LABELS": lists(WORDS)})
    assert np.isfinite(result["SCORE"]).all()


# Features.

LOTS: dict[str, Any] = {
    "choice": lambda parts: parts[len(parts) // 2],
    "randint": lambda low, high: (low + high - 1) // 2,
}


@pytest.mark.parametrize("truncation", ["fusion", "rand_trunc"])
@pytest.mark.parametrize("padding", ["repeatpad", "repeat", "pad"])
def test_features_are_those_of_transformers(truncation: str, padding: str) -> None:
    """Of all that it may draw by lot of longer audio, the middle."""
    from transformers import ClapFeatureExtractor as Theirs

    settings: dict[str, Any] = {"truncation": truncation, "padding": padding, "max_length_s": 2}
    theirs, ours = Theirs(**settings), ClapFeatureExtractor(settings)
    for seconds in (1 / RATE, 0.31, 0.7, 2, 2 + 1 / RATE, 2.01, 2.02, 2.03, 7.123):
        samples = noise(seconds)[0]
        samples[: len(samples) // 3] = 0
        with mock.patch.multiple(np.random, **LOTS):
            expected = theirs([samples], sampling_rate=RATE, return_tensors="np")
        got = ours(samples)
        assert got.values.dtype == np.float32
        np.testing.assert_allclose(got.values, expected["input_features"][0], atol=2e-3)
        assert got.is_longer == expected["is_longer"][0][0]


def test_an_unknown_truncation_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="preprocessor_config"):
        ClapFeatureExtractor({"truncation": "somehow"})


def test_longer_audio_gives_the_same_answer_each_time(each: Ensemble) -> None:
    first, second = each(files(LONG)), each(files(LONG))
    assert first["SCORE"].tolist() == second["SCORE"].tolist()
    assert not np.allclose(first["SCORE"], each(files(SHORT))["SCORE"], atol=1e-3)
