"""Text-to-audio: what is random is each row's own, families take their own parameters, and what bounds a request."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from install import install
from installing.source import CheckpointError
from python_backend import synthesis_checkpoint
from python_backend.parameters import InvalidInput
from python_backend.stage import Request, Result, Tensors
from python_backend.tasks.text_to_audio import OF_FAMILY, PARAMETERS
from tests.cases.text_to_audio import CALL, OTHER, VOICE
from tests.cases.texts import LINCOLN, LONG
from tests.unit.ensemble import Ensemble, Sent, text
from tests.unit.ensembles import InstalledEnsembles, changed

TASK = "text_to_audio"
FAMILIES = ("vits", "vits_speakers", "speecht5", "bark", "musicgen", "musicgen_stereo")
SHORT: Mapping[str, Mapping[str, Any]] = {
    "speecht5": {"maxlenratio": 2},
    "speecht5_dropout": {"maxlenratio": 2},
    "bark": {"max_new_tokens": 6},
    "musicgen": {"max_new_tokens": 8},
    "musicgen_stereo": {"max_new_tokens": 8},
}
"""What keeps sounds of a family short."""
RANDOM: Mapping[str, Mapping[str, Any]] = {
    "vits": {"noise_scale": 0.7, "noise_scale_duration": 0.8},
    "speecht5_dropout": {},
    "bark": {"do_sample": True, "fine_temperature": 0.7},
    "musicgen": {"do_sample": True, "temperature": 1.5},
    "musicgen_stereo": {"do_sample": True, "top_k": 5, "guidance_scale": 1},
}
"""What makes sounds of a family random."""


class Dropping(InstalledEnsembles):
    """A checkpoint with "_dropout" is one that draws in its decoder."""

    def folder(self, name: str) -> Path:
        source = super().folder(name.removesuffix("_dropout"))
        if not name.endswith("_dropout"):
            return source
        folder = self.repository / name
        return folder if folder.is_dir() else changed(source, folder, speech_decoder_prenet_dropout=0.5)


@pytest.fixture(scope="module")
def ensembles(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> InstalledEnsembles:
    return Dropping(TASK, checkpoints, tmp_path_factory.mktemp("repository"))


def sent(name: str, *texts: str, voice: np.ndarray = VOICE, **parameters: Any) -> Sent:
    """A request for a short sound of each text; None takes a parameter back."""
    tensors = {"TEXT": text(*texts)}
    if name.startswith("speecht5"):
        tensors["SPEAKER_EMBEDDING"] = np.repeat(voice, len(texts), axis=0)
    given = {**SHORT.get(name, {}), **parameters}
    return tensors, {key: value for key, value in given.items() if value is not None}


def sounds(result: Result) -> list[np.ndarray]:
    """[channels, samples] of each row, without padding."""
    assert not isinstance(result, Exception), result
    each = zip(result["audio"], result["count"][:, 0], strict=True)
    return [audio[:, :count] for audio, count in each]


def speak(ensemble: Ensemble, request: Sent) -> list[np.ndarray]:
    return sounds(ensemble.batch(request)[0])


def same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    pairs = list(zip(some, others, strict=True))
    return all(one.shape == other.shape and np.allclose(one, other, atol=1e-4) for one, other in pairs)


# Rows and their neighbours.


@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_sounds_as_its_items_do_alone(ensembles: InstalledEnsembles, name: str) -> None:
    requests = [
        sent(name, CALL, "Hi", voice=OTHER),
        sent(name, "Call me"),
        sent(name, LINCOLN[:60], "Oh dear!", CALL, "so"),
    ]
    together = ensembles[name].batch(*requests)
    alone = [[speak(ensembles[name], sent(name, one.decode(), voice=voice)) for one in tensors["TEXT"][:, 0]]
             for (tensors, _), voice in zip(requests, (OTHER, VOICE, VOICE), strict=True)]  # fmt: skip
    for result, each in zip(together, alone, strict=True):
        assert same(sounds(result), [sound for (sound,) in each])


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_makes_a_sound_repeatable_whatever_its_neighbours(ensembles: InstalledEnsembles, name: str) -> None:
    def asked(*texts: str, **parameters: Any) -> Sent:
        return sent(name, *texts, **RANDOM[name], **parameters)

    ensemble = ensembles[name]
    alone = speak(ensemble, asked(CALL, seed=7))
    together = ensemble.batch(asked("Hi"), asked(CALL, "Call me", CALL, seed=7), asked(CALL, seed=8))
    assert same([sounds(together[1])[0]], alone) and same([sounds(together[1])[2]], alone)
    assert not same(sounds(together[2]), alone)
    assert same(sounds(together[2]), speak(ensemble, asked(CALL, seed=8)))
    assert not same(speak(ensemble, asked(CALL)), speak(ensemble, asked(CALL)))
    assert len(speak(ensemble, asked("Hi", seed=2**80))) == 1


@pytest.mark.parametrize("name", ["vits", "bark"])
def test_seeds_leave_the_random_numbers_of_the_process_alone(ensembles: InstalledEnsembles, name: str) -> None:
    ensemble = ensembles[name]  # loading it may draw
    before = torch.random.get_rng_state()
    speak(ensemble, sent(name, "Hi", **RANDOM[name], seed=1))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_noise_is_that_of_the_model(ensembles: InstalledEnsembles) -> None:
    """What VITS of transformers makes of the same seed, with its attributes set as its users set them."""
    model = ensembles["vits"].model.synthesizer.model
    result = ensembles["vits"](*sent("vits", CALL)[:1], noise_scale=0.5, speaking_rate=2.0, seed=3)
    model.noise_scale, model.noise_scale_duration, model.speaking_rate = 0.5, 0.0, 2.0
    torch.manual_seed(3)
    with torch.inference_mode():
        expected = model(torch.from_numpy(result["input_ids"])).waveform.numpy()
    assert same(sounds(result), [expected])
    slow = speak(ensembles["vits_speakers"], sent("vits_speakers", CALL, speaking_rate=0.2))
    assert slow[0].size > 2 * speak(ensembles["vits_speakers"], sent("vits_speakers", CALL))[0].size


def test_settings_of_a_request_end_with_it(ensembles: InstalledEnsembles) -> None:
    plain = speak(ensembles["vits"], sent("vits", CALL))
    loud = ensembles["vits"].batch(sent("vits", CALL, noise_scale=3.0, seed=1), sent("vits", CALL))
    assert same(sounds(loud[1]), plain) and not same(sounds(loud[0]), plain)


def test_requests_of_equal_settings_generate_together(
    ensembles: InstalledEnsembles, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesizer, groups = ensembles["musicgen"].model.synthesizer, []

    def group(rows: list[Any]) -> list[np.ndarray]:
        groups.append(len(rows))
        return [np.zeros((1, 1), np.float32)] * len(rows)

    monkeypatch.setattr(synthesizer, "group", group)
    ensembles["musicgen"].batch(
        sent("musicgen", CALL, "Hi", seed=1), sent("musicgen", CALL, seed=2), sent("musicgen", "Hi", max_new_tokens=9)
    )
    assert groups == [3, 1]
    groups.clear()
    ensembles["musicgen"].batch(*[sent("musicgen", CALL, "Hi", "so")] * 4)
    assert groups == [8, 4]


def test_texts_of_one_length_share_spectrograms(ensembles: InstalledEnsembles) -> None:
    synthesizer, groups = ensembles["speecht5"].model.synthesizer, []
    whole = synthesizer.group

    def group(rows: list[Any]) -> list[np.ndarray]:
        groups.append(sorted(len(row.ids) for row in rows))
        result: list[np.ndarray] = whole(rows)
        return result

    synthesizer.group = group
    ensembles["speecht5"].batch(sent("speecht5", "abc", "Call me"), sent("speecht5", "xyz", voice=OTHER))
    synthesizer.group = whole
    assert groups == [[5, 5], [9]]


# Shapes.


@pytest.mark.parametrize(
    ("name", "channels", "rate", "dimensions"),
    [
        ("vits", 1, 16000, 2),
        ("speecht5", 1, 16000, 1),
        ("bark", 1, 24000, 2),
        ("musicgen", 1, 24000, 3),
        ("musicgen_stereo", 2, 24000, 3),
    ],
)
def test_outputs(ensembles: InstalledEnsembles, name: str, channels: int, rate: int, dimensions: int) -> None:
    tensors, parameters = sent(name, "Hi", CALL)
    result = ensembles[name](tensors, **parameters)
    assert result["audio"].dtype == np.float32 and result["audio"].shape[:2] == (2, channels)
    assert result["audio"].shape[2] == result["count"].max()
    assert result["SAMPLING_RATE"].tolist() == [[rate]] * 2 and result["DIMENSIONS"].tolist() == [[dimensions]] * 2
    for audio, (count,) in zip(result["audio"], result["count"], strict=True):
        assert not audio[:, count:].any() and np.abs(audio[:, :count]).max() > 0.01


def test_sampling_rates_are_those_of_the_files(tmp_path: Path) -> None:
    def sound(config: dict[str, Any], **files: Any) -> tuple[int, int]:
        for name, content in {"config": config, **files}.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        return tuple(synthesis_checkpoint.sound(tmp_path))  # type: ignore[return-value]

    assert sound({"model_type": "vits", "sampling_rate": 22050}) == (22050, 2)
    assert sound({"model_type": "vits"}) == (16000, 2)
    assert sound({"model_type": "musicgen", "audio_encoder": {"sampling_rate": 32000}}) == (32000, 3)
    assert sound({"model_type": "bark"}, generation_config={"sample_rate": 8000}) == (8000, 2)
    assert sound({"model_type": "speecht5"}) == (16000, 1)
    with pytest.raises(ValueError, match="'gpt2'"):
        sound({"model_type": "gpt2"})


# Voices.

VOICES: list[dict[str, Any]] = [{}, {"voice_preset": "v2/en_speaker_0"}, {"voice_preset": "announcer"}]
SPEAKERS: list[dict[str, Any]] = [{}, {"speaker_id": 0}, {"speaker_id": 2}]


def test_voices_of_bark(ensembles: InstalledEnsembles) -> None:
    own, named, other = (speak(ensembles["bark"], sent("bark", CALL, **voice)) for voice in VOICES)
    assert not same(own, named) and not same(named, other)
    together = ensembles["bark"].batch(
        sent("bark", CALL), sent("bark", CALL, voice_preset="announcer"), sent("bark", "Hi", voice_preset="Ada")
    )
    assert same(sounds(together[0]), own) and same(sounds(together[1]), other)
    assert isinstance(together[2], InvalidInput) and "v2/en_speaker_0, announcer" in str(together[2])


def test_the_voice_is_what_the_pipeline_calls_a_history_prompt(ensembles: InstalledEnsembles) -> None:
    ensemble = ensembles["bark"]
    folder = ensemble.model.folder
    arrays = synthesis_checkpoint.read_voice(folder, synthesis_checkpoint.voices(folder)["announcer"])
    model = ensemble.model.synthesizer.model
    result = ensemble(*sent("bark", CALL)[:1], voice_preset="announcer", max_new_tokens=6)
    ids = np.zeros((1, 64), np.int64)
    ids[:, : result["input_ids"].shape[1]] = result["input_ids"]
    with torch.inference_mode():
        expected = model.generate(
            torch.from_numpy(ids),
            attention_mask=torch.from_numpy(np.arange(64)[None] < result["input_ids"].shape[1]).long(),
            history_prompt={name: torch.from_numpy(array) for name, array in arrays.items()},
            semantic_max_new_tokens=6,
        )
    assert same(sounds(result), [expected.numpy()])


def test_a_voice_that_holds_more_than_numbers_is_not_read(tmp_path: Path) -> None:
    files = {name: f"{name}.npy" for name in synthesis_checkpoint.PROMPTS}
    for name, file in files.items():
        np.save(tmp_path / file, np.zeros([2] * synthesis_checkpoint.PROMPTS[name]))
    assert list(synthesis_checkpoint.read_voice(tmp_path, files)) == list(files)
    np.save(tmp_path / "fine_prompt.npy", np.zeros(3))
    with pytest.raises(ValueError, match="1 dimensions; fine_prompt has 2"):
        synthesis_checkpoint.read_voice(tmp_path, files)
    np.save(tmp_path / "fine_prompt.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickle"):
        synthesis_checkpoint.read_voice(tmp_path, files)


def test_speakers_of_vits_and_speecht5_differ(ensembles: InstalledEnsembles) -> None:
    none, *voices = (speak(ensembles["vits_speakers"], sent("vits_speakers", "Hi", **given)) for given in SPEAKERS)
    assert not same(none, voices[0]) and not same(*voices)
    embeddings = [speak(ensembles["speecht5"], sent("speecht5", "xyz 42", voice=voice)) for voice in (VOICE, OTHER)]
    assert not same(*embeddings)


# What is refused, and alone.


@pytest.mark.parametrize(
    ("name", "string", "parameters", "message"),
    [
        ("vits", "", {}, "no character that the model knows"),
        ("vits", " ?! 東京", {}, "no character that the model knows"),
        ("speecht5", "", {}, "empty"),
        ("bark", " \n", {}, "no tokens"),
        ("speecht5", LONG, {}, r"the model takes 100\. Cut it at the ends of sentences.*truncation=true"),
        ("bark", LONG, {}, "the model takes 64"),
        ("vits", LONG * 2, {}, r"this deployment takes 2,048 \(max_input_tokens\)"),
        ("musicgen", LONG * 9, {}, r"this deployment takes 2,048 \(max_input_tokens\)"),
        ("vits", "Hi", {"do_sample": True}, "do_sample has no effect on this checkpoint, a VITS.*speaking_rate"),
        ("vits", "Hi", {"speaker_id": 1}, "voices 0 to 0"),
        ("vits_speakers", "Hi", {"speaker_id": 3}, "voices 0 to 2"),
        ("speecht5", "Hi", {"speaker_id": 0}, "no effect on this checkpoint, a SpeechT5"),
        ("speecht5", "Hi", {"minlenratio": 1e9}, "minlenratio must be at most"),
        ("bark", "Hi", {"max_new_tokens": 65}, "65 new tokens are asked for; the model generates 64 at most"),
        ("bark", "Hi", {"semantic_max_new_tokens": 65}, "the model generates 64 at most"),
        ("bark", "Hi", {"num_beams": 10**6}, "8 at most"),
        ("bark", "Hi", {"min_eos_p": 0}, "positive"),
        ("bark", "Hi", {"max_length": 9}, "no effect"),
        ("musicgen", "Hi", {"max_new_tokens": 5000}, r"1,536 at most \(max_new_tokens_limit\)"),
        ("musicgen", "Hi", {"max_new_tokens": None, "max_length": 1}, "no room"),
        ("musicgen", "Hi", {"num_beams": 2}, "no beams"),
        ("musicgen", "Hi", {"guidance_scale": 0.5}, "MusicGen takes 1"),
        ("musicgen", "Hi", {"eos_token_id": 3}, "no effect"),
        ("musicgen", "Hi", {"voice_preset": "announcer"}, "no effect"),
    ],
)
def test_a_bad_request_fails_alone_and_is_told_why(
    ensembles: InstalledEnsembles, name: str, string: str, parameters: dict[str, Any], message: str
) -> None:
    good = sent(name, "Call me")
    if name == "musicgen" and "max_new_tokens" in parameters:
        good[1]["max_new_tokens"] = 9
    first, bad, last = ensembles[name].batch(good, sent(name, string, **parameters), good)
    with pytest.raises(InvalidInput, match=message):
        raise bad if isinstance(bad, Exception) else AssertionError("it was answered")
    assert same(sounds(first), sounds(last))


@pytest.mark.parametrize(
    ("name", "embedding", "message"),
    [
        ("speecht5", None, "16 numbers .*none came"),
        ("speecht5", np.zeros((1, 15), np.float32), "15 came"),
        ("speecht5", np.full((1, 16), np.nan, np.float32), "not finite"),
        ("vits", np.zeros((1, 16), np.float32), "is for SpeechT5; this checkpoint is a VITS"),
    ],
)
def test_embeddings_are_checked(
    ensembles: InstalledEnsembles, name: str, embedding: np.ndarray | None, message: str
) -> None:
    tensors: Tensors = {"TEXT": text("Hi")} | ({} if embedding is None else {"SPEAKER_EMBEDDING": embedding})
    bad, good = ensembles[name].batch((tensors, {}), sent(name, "Hi"))
    assert len(sounds(good)) == 1
    with pytest.raises(InvalidInput, match=message):
        raise bad if isinstance(bad, Exception) else AssertionError("it was answered")


@pytest.mark.parametrize(("name", "tokens"), [("speecht5", 100), ("bark", 64), ("vits", 2048), ("musicgen", 2048)])
def test_truncation_keeps_what_the_model_takes(ensembles: InstalledEnsembles, name: str, tokens: int) -> None:
    tensors, parameters = sent(name, LONG * 9, truncation=True)
    request = ensembles[name].parameters.parse(parameters)
    (result,) = ensembles[name].preprocess.process_batch([Request(tensors, request)])
    assert result["input_ids"].shape == (1, tokens)
    if name == "speecht5":
        assert result["input_ids"][0, -1] == 2


def test_numbers_become_words_where_asked(ensembles: InstalledEnsembles) -> None:
    def ids(string: str, **parameters: Any) -> list[int]:
        tensors, parameters = sent("speecht5", string, **parameters)
        found: list[int] = ensembles["speecht5"](tensors, **parameters)["input_ids"][0].tolist()
        return found

    assert ids("42", normalize=True) == ids("forty two") != ids("42")


# Limits.


def test_a_sound_that_is_not_ready_in_time_fails(ensembles: InstalledEnsembles) -> None:
    for name in ("speecht5", "bark", "musicgen"):
        ensemble = Ensemble(TASK, ensembles.folder(name), max_seconds="0")
        with pytest.raises(InvalidInput, match=r"not ready after 0 s \(max_seconds"):
            ensemble(*sent(name, "Hi")[:1])


def test_a_sound_that_is_too_long_fails_before_it_is_made(ensembles: InstalledEnsembles) -> None:
    ensemble = Ensemble(TASK, ensembles.folder("vits_speakers"), max_audio_seconds="0.01")
    short, long = ensemble.batch(sent("vits_speakers", "Hi"), sent("vits_speakers", CALL))
    assert len(sounds(short)) == 1
    assert isinstance(long, InvalidInput) and "max_audio_seconds" in str(long)


def test_limits_of_a_deployment(ensembles: InstalledEnsembles) -> None:
    ensemble = Ensemble(TASK, ensembles.folder("bark"), max_new_tokens_limit="5", max_text_bytes="20")
    assert same(
        speak(ensemble, sent("bark", "Hi", max_new_tokens=None)), speak(ensemble, sent("bark", "Hi", max_new_tokens=5))
    )
    with pytest.raises(InvalidInput, match=r"this deployment generates 5 at most \(max_new_tokens_limit\)"):
        ensemble(*sent("bark", "Hi")[:1], max_new_tokens=6)
    with pytest.raises(InvalidInput, match="20"):
        ensemble(*sent("bark", CALL * 2)[:1])
    music = Ensemble(TASK, ensembles.folder("musicgen"), max_new_tokens_limit="12")
    assert sounds(music.batch(sent("musicgen", "Hi", max_new_tokens=None))[0])[0].shape == (1, 72)


# Parameters.


def test_every_parameter_is_of_some_family() -> None:
    taken = {"truncation", "seed"}.union(*OF_FAMILY.values())
    assert taken <= {parameter.name for parameter in PARAMETERS}


@pytest.mark.parametrize(
    "parameters",
    [
        {"noise_scale": 1e9},
        {"noise_scale_duration": 3},
        {"speaking_rate": 0},
        {"minlenratio": float("nan")},
        {"maxlenratio": -1},
        {"min_eos_p": 2},
        {"fine_temperature": 0},
        {"seed": -1},
        {"speaker_id": "Ada"},
        {"normalize": "yes"},
        {"history_prompt": "announcer"},
    ],
)
def test_parameters_that_cannot_be(parameters: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(parameters))):
        PARAMETERS.parse(parameters)


def test_lengths_without_a_prefix_are_those_of_the_semantic_model(ensembles: InstalledEnsembles) -> None:
    bark = ensembles["bark"]
    plain = speak(bark, sent("bark", CALL, max_new_tokens=5))
    assert same(plain, speak(bark, sent("bark", CALL, max_new_tokens=None, semantic_max_new_tokens=5)))
    assert same(plain, speak(bark, sent("bark", CALL, max_new_tokens=9, semantic_max_new_tokens=5)))
    assert not same(plain, speak(bark, sent("bark", CALL, max_new_tokens=9)))


# What is installed.


def test_a_vocoder_comes_with_speecht5(ensembles: InstalledEnsembles) -> None:
    model = ensembles.folder("speecht5")
    post = ensembles.repository / "speecht5_postprocess" / "1"
    assert {path.name for path in (model / "vocoder").iterdir()} == {"config.json", "model.safetensors"}
    assert [path.name for path in (post / "vocoder").iterdir()] == ["config.json"]
    record = json.loads((model / "installed.json").read_text(encoding="utf-8"))
    assert record["vocoder"]["checkpoint"].endswith("speecht5/vocoder")


def test_another_vocoder_may_be_named(checkpoints: Path, tmp_path: Path) -> None:
    source = shutil.copytree(checkpoints / f"{TASK}_speecht5", tmp_path / "source")
    other = (source / "vocoder").rename(tmp_path / "other")
    config = json.loads((other / "config.json").read_text(encoding="utf-8"))

    def rated(rate: int, bins: int) -> str:
        changed = {**config, "sampling_rate": rate, "model_in_dim": bins}
        (other / "config.json").write_text(json.dumps(changed), encoding="utf-8")
        return str(other)

    install(TASK, checkpoint=str(source), repository=tmp_path / "repository", vocoder=rated(8000, 8))
    folder = tmp_path / "repository" / f"{TASK}_postprocess" / "1"
    assert synthesis_checkpoint.sound(folder).sampling_rate == 8000
    with pytest.raises(CheckpointError, match="takes 80 mel bins, the model makes 8"):
        install(TASK, checkpoint=str(source), repository=tmp_path / "repository", vocoder=rated(8000, 80))
    with pytest.raises(CheckpointError, match=r"SpeechT5 needs a vocoder: .*--vocoder"):
        install(TASK, checkpoint=str(source), repository=tmp_path / "repository", vocoder=str(tmp_path / "none"))
    assert synthesis_checkpoint.sound(folder).sampling_rate == 8000


def test_a_vocoder_in_pickles_needs_leave(checkpoints: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    source = shutil.copytree(checkpoints / f"{TASK}_speecht5", tmp_path / "source")
    weights = source / "vocoder" / "model.safetensors"
    torch.save(load_file(weights), source / "vocoder" / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(CheckpointError, match="pickle"):
        install(TASK, checkpoint=str(source), repository=tmp_path / "repository")
    install(TASK, checkpoint=str(source), repository=tmp_path / "repository", allow_pickle=True)
    assert (tmp_path / "repository" / f"{TASK}_model" / "1" / "vocoder" / "model.safetensors").is_file()


def test_a_vocoder_for_others_is_refused(checkpoints: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="--vocoder is for models that make spectrograms"):
        install(TASK, checkpoint=str(checkpoints / f"{TASK}_vits"), repository=tmp_path, vocoder="anything")


def test_voices_come_with_bark(ensembles: InstalledEnsembles) -> None:
    folder = ensembles.folder("bark")
    voices = synthesis_checkpoint.voices(folder)
    assert list(voices) == ["v2/en_speaker_0", "announcer"]
    assert all((folder / path).is_file() for files in voices.values() for path in files.values())
    preprocess = ensembles.repository / "bark_preprocess" / "1"
    assert list(synthesis_checkpoint.voices(preprocess)) == list(voices)


@pytest.mark.parametrize(("path", "message"), [("../secret.npy", "outside"), ("speaker_embeddings/no.npy", "missing")])
def test_voices_that_are_not_there_are_told(checkpoints: Path, tmp_path: Path, path: str, message: str) -> None:
    source = shutil.copytree(checkpoints / f"{TASK}_bark", tmp_path / "source")
    np.save(tmp_path / "secret.npy", np.zeros(2))
    listed = json.loads((source / "speaker_embeddings_path.json").read_text(encoding="utf-8"))
    listed["announcer"]["semantic_prompt"] = path
    (source / "speaker_embeddings_path.json").write_text(json.dumps(listed), encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        install(TASK, checkpoint=str(source), repository=tmp_path / "repository")
    assert not (tmp_path / "repository" / f"{TASK}_model" / "1" / "model.safetensors").exists()
