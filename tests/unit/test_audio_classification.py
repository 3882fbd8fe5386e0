"""Audio classification: features as the checkpoint's extractor makes them, audio of all lengths in shared passes, and
what cannot be asked."""

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from python_backend import audio, speech_features
from python_backend.parameters import InvalidInput
from python_backend.stage import Request, Tensors
from python_backend.tasks.audio_classification import PARAMETERS, Postprocess, Preprocess
from tests.unit.ensemble import Ensemble, Sent, text

TASK = "audio_classification"
ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data"
SPEECH, SHORT, STEREO, LONG, MP3 = (
    (DATA / file).read_bytes() for file in ("speech.flac", "short.wav", "stereo.wav", "long.ogg", "speech_44100.mp3")
)
RATE = 16_000
NAMES = ("wav2vec2", "hubert", "ast", "whisper")


@pytest.fixture(scope="module")
def ensembles(checkpoints: Path) -> dict[str, Ensemble]:
    return {name: Ensemble(TASK, checkpoints / f"{TASK}_{name}") for name in NAMES}


def files(*rows: bytes) -> Tensors:
    return {"AUDIO": text(*rows)}


def noise(seconds: float, rows: int = 1, seed: int = 0) -> np.ndarray:
    """[rows, samples]"""
    return np.random.default_rng(seed).normal(0, 0.1, (rows, round(seconds * RATE))).astype(np.float32)


def rated(samples: np.ndarray, rate: int) -> Tensors:
    return {"SAMPLES": samples, "SAMPLING_RATE": np.full((len(samples), 1), rate, np.int32)}


def check_equal(result: Any, alone: Tensors) -> None:
    assert isinstance(result, dict), result
    assert result["LABEL"].tolist() == alone["LABEL"].tolist()
    np.testing.assert_allclose(result["SCORE"], alone["SCORE"], atol=1e-5)


# Batches.


@pytest.mark.parametrize("name", NAMES)
def test_requests_that_share_a_batch_get_the_answers_they_get_alone(ensembles: dict[str, Ensemble], name: str) -> None:
    ensemble = ensembles[name]
    sent: list[Sent] = [
        (files(SPEECH), {}),
        (files(STEREO, SHORT, SPEECH), {"top_k": 2}),
        ({"SAMPLES": noise(1.0, rows=2)}, {"function_to_apply": "none"}),
        (rated(noise(0.5, seed=1), 8_000), {}),
        (files(MP3), {"function_to_apply": "sigmoid"}),
        ({"SAMPLES": noise(1.0, seed=2)}, {}),
    ]
    for request, together in zip(sent, ensemble.batch(*sent), strict=True):
        check_equal(together, ensemble(request[0], **request[1]))


@pytest.mark.parametrize("name", NAMES)
def test_items_of_one_request_get_the_answers_they_get_alone(ensembles: dict[str, Ensemble], name: str) -> None:
    sounds = (SHORT, LONG, SPEECH, STEREO, SHORT)
    together = ensembles[name](files(*sounds))
    for row, sound in enumerate(sounds):
        check_equal({key: together[key][row : row + 1] for key in ("LABEL", "SCORE")}, ensembles[name](files(sound)))


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_item_fails_alone(ensembles: dict[str, Ensemble], name: str) -> None:
    sent: list[Sent] = [
        (files(SPEECH), {}),
        (files(b"no audio"), {}),
        ({"SAMPLES": np.full((1, RATE), np.nan, np.float32)}, {}),
        (files(SPEECH, MP3[:100]), {}),
        (files(SHORT), {}),
    ]
    good, *bad, other = ensembles[name].batch(*sent)
    assert all(isinstance(result, InvalidInput) for result in bad)
    check_equal(good, ensembles[name](files(SPEECH)))
    check_equal(other, ensembles[name](files(SHORT)))


@pytest.mark.parametrize(("name", "passes"), [("wav2vec2", [(1, 16_000), (2, 8_000)]), ("hubert", [(3, 16_000)])])
def test_audio_shares_a_pass_where_padding_does_not_change_it(
    ensembles: dict[str, Ensemble], name: str, passes: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group norm sees the padding, layer norms do not."""
    ensemble, shapes = ensembles[name], []
    sent: list[Sent] = [({"SAMPLES": noise(seconds, seed=seed)}, {}) for seed, seconds in enumerate((0.5, 1.0, 0.5))]
    alone = [ensemble(tensors) for tensors, _ in sent]
    forward = ensemble.model.forward

    def watched(batch: Any) -> Any:
        shapes.append(batch.inputs["input_values"].shape)
        return forward(batch)

    monkeypatch.setattr(ensemble.model, "forward", watched)
    assert ensemble.model.batches is not None
    monkeypatch.setattr(ensemble.model.batches, "pass_cost", ensemble.model.batches.pass_cost * 100)
    for one, other in zip(alone, ensemble.batch(*sent), strict=True):
        check_equal(other, one)
    assert shapes == passes


def test_passes_are_bounded(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, sizes in (("hubert", [2, 2, 1]), ("ast", [3, 2])):
        ensemble = Ensemble(TASK, checkpoints / f"{TASK}_{name}", max_batch_seconds="2", max_batch_rows="3")
        seen: list[int] = []
        forward = ensemble.model.forward
        monkeypatch.setattr(
            ensemble.model,
            "forward",
            lambda batch, seen=seen, forward=forward: seen.append(len(batch.indices)) or forward(batch),
        )
        ensemble({"SAMPLES": noise(1.0, rows=5)})
        assert sorted(seen, reverse=True) == sizes


# Inputs.


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_what_their_file_is(ensembles: dict[str, Ensemble], name: str) -> None:
    samples = audio.decode(SPEECH, RATE, audio.Limits(10**9, 10**9))[None]
    alone = ensembles[name](files(SPEECH))
    check_equal(ensembles[name]({"SAMPLES": samples}), alone)
    check_equal(ensembles[name](rated(samples, RATE)), alone)


def test_samples_of_another_rate_are_resampled(ensembles: dict[str, Ensemble]) -> None:
    stage = ensembles["hubert"].preprocess
    result = stage.process(Request(rated(noise(1.0, rows=2), 8_000), PARAMETERS.parse({})))
    assert result["input_values"].shape == (2, 2 * RATE) and result["lengths"].tolist() == [[2 * RATE, 2 * RATE]] * 2


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("wav2vec2", ((2, 96_000), (2, 0, 0), [96_000, 6_400])),
        ("ast", ((2, 0), (2, 256, 64), [256, 256])),
        ("whisper", ((2, 0), (2, 80, 3_000), [80, 80])),
    ],
)
def test_features_travel_as_what_they_are(ensembles: dict[str, Ensemble], name: str, shapes: Any) -> None:
    sounds = np.zeros((2, 96_000), np.float32)
    stage = ensembles[name].preprocess
    result = stage.process(Request({"SAMPLES": sounds}, PARAMETERS.parse({})))
    assert result["input_values"].shape == shapes[0] and result["input_features"].shape == shapes[1]
    assert result["lengths"].dtype.kind == "i"
    mixed = stage.process(Request(files(*[encoded(length) for length in (96_000, 6_400)]), PARAMETERS.parse({})))
    assert mixed["lengths"][:, 0].tolist() == shapes[2]


def encoded(samples: int) -> bytes:
    """A WAV file of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setparams((1, 2, RATE, 0, "NONE", ""))
        output.writeframes(bytes(2 * samples))
    return file.getvalue()


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "either AUDIO"),
        ({"AUDIO": text(SHORT), "SAMPLES": noise(0.1)}, "either AUDIO"),
        (files((DATA / "moving.mp4").read_bytes()), "no audio track"),
        (files(b""), "no format"),
        (files((DATA / "scene.png").read_bytes()), "no format"),
        (files(MP3[:64]), "no format|no samples"),
        (files(encoded(0)), "no samples"),
        ({"SAMPLES": np.zeros((1, 0), np.float32)}, "empty"),
        ({"SAMPLES": noise(399 / RATE)}, "needs 400"),
        ({"SAMPLES": np.full((1, 1_000), np.nan, np.float32)}, "NaN"),
        (rated(noise(1), 0), "from 1,000 to 768,000 Hz; got 0"),
        (rated(noise(1), 10_000_000), "got 10,000,000"),
    ],
)
@pytest.mark.parametrize("name", ["wav2vec2", "ast"])
def test_bad_inputs_are_refused(ensembles: dict[str, Ensemble], name: str, tensors: Tensors, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ensembles[name](tensors)


def test_the_shortest_audio_is_answered(ensembles: dict[str, Ensemble]) -> None:
    for name in NAMES:
        assert np.isfinite(ensembles[name]({"SAMPLES": noise(400 / RATE)})["SCORE"]).all()
    assert np.isfinite(ensembles["whisper"]({"SAMPLES": noise(1 / RATE)})["SCORE"]).all()


@pytest.mark.parametrize(
    ("name", "settings", "sent", "message"),
    [
        ("wav2vec2", {"max_audio_seconds": "5"}, files(SPEECH), "max_audio_seconds"),
        ("ast", {"max_audio_seconds": "6.5"}, files(SHORT, SPEECH, SHORT), "in all"),
        ("hubert", {"max_audio_bytes": "1000"}, files(SHORT), "max_audio_bytes"),
        ("hubert", {"max_row_seconds": "3"}, files(SPEECH), "max_row_seconds"),
    ],
)
def test_limits(checkpoints: Path, name: str, settings: dict[str, str], sent: Tensors, message: str) -> None:
    stage = Preprocess.local(checkpoints / f"{TASK}_{name}", settings)
    with pytest.raises(InvalidInput, match=message):
        stage.process(Request(sent, PARAMETERS.parse({})))


def test_models_that_hear_a_window_take_longer_audio(checkpoints: Path) -> None:
    for name in ("ast", "whisper"):
        stage = Preprocess.local(checkpoints / f"{TASK}_{name}", {"max_row_seconds": "3"})
        assert stage.process(Request(files(SPEECH), PARAMETERS.parse({})))["input_features"].size


# Features.


@pytest.mark.parametrize("seconds", [0.025, 0.3, 2.5, 2.575, 2.6, 4.0])
def test_filterbank_frames_are_those_of_transformers(checkpoints: Path, seconds: float) -> None:
    from transformers import ASTFeatureExtractor

    folder = checkpoints / f"{TASK}_ast"
    theirs, ours = ASTFeatureExtractor.from_pretrained(folder), speech_features.load(folder)
    assert isinstance(ours, speech_features.Filterbank)
    for samples in (noise(seconds)[0], np.zeros(round(seconds * RATE), np.float32)):
        expected = theirs(samples, sampling_rate=RATE, return_tensors="np")["input_values"][0]
        values = ours(samples).values
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, expected, atol=1e-5)


# Parameters and results.


def test_labels_come_best_first_and_five_of_them(ensembles: dict[str, Ensemble]) -> None:
    scores = ensembles["ast"](files(SPEECH))["SCORE"]
    assert scores.shape == (1, 5) and (np.diff(scores) <= 0).all()
    everything = ensembles["ast"](files(SPEECH), top_k=100)["SCORE"]
    assert everything.shape == (1, 7) and everything.sum() == pytest.approx(1, abs=1e-5)
    assert ensembles["hubert"](files(SPEECH))["LABEL"].shape == (1, 4)


@pytest.mark.parametrize("problem", [None, "regression", "single_label_classification", "multi_label_classification"])
def test_a_softmax_whatever_the_checkpoint_says(problem: str | None) -> None:
    assert Postprocess().default_function(problem, 1) == "softmax"


@pytest.mark.parametrize(
    "parameters", [{"top_k": 0}, {"top_k": 1.5}, {"function_to_apply": "tanh"}, {"chunk_length_s": 3}]
)
def test_parameters_that_cannot_be(parameters: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(parameters))):
        PARAMETERS.parse(parameters)
