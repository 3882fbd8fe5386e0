"""Automatic speech recognition: rows that overlap, batches of strangers, times, languages, and what cannot be asked."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config, SpeechEncoderDecoderConfig, SpeechEncoderDecoderModel, Wav2Vec2Config

from python_backend import audio, speech_features
from python_backend.parameters import InvalidInput
from python_backend.speech_checkpoint import samples_per_frame
from python_backend.speech_chunks import Cut, cut
from python_backend.stage import Request, Tensors
from python_backend.tasks.automatic_speech_recognition import PARAMETERS, Postprocess, Preprocess
from python_backend.transcription import Pieces
from tests.unit.ensemble import Ensemble, Sent, text
from tests.unit.ensembles import Ensembles

TASK = "automatic_speech_recognition"
DATA = Path(__file__).parents[1] / "data"
SPEECH, SHORT, STEREO, LONG = (
    (DATA / file).read_bytes() for file in ("speech.flac", "short.wav", "stereo.wav", "long.ogg")
)
RATE = 16_000
NAMES = ("wav2vec2", "hubert", "wav2vec2_bert", "moonshine", "whisper")


@pytest.fixture(scope="module")
def ensembles(checkpoints: Path) -> Ensembles:
    return Ensembles(TASK, checkpoints, max_batch_rows="4")


def files(*rows: bytes) -> Tensors:
    return {"AUDIO": text(*rows)}


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """[1, samples] that are no speech."""
    return np.random.default_rng(seed).normal(0, 0.1, (1, round(seconds * RATE))).astype(np.float32)


def answer(result: Tensors, row: int = 0) -> tuple[str, list[tuple[str, float, float, str]]]:
    """TEXT and the chunks of one item."""
    columns = (result[f"CHUNK_{name}"][row, : result["COUNT"][row, 0]] for name in ("TEXT", "START", "END", "LANGUAGE"))
    return result["TEXT"][row, 0], list(zip(*columns, strict=True))


def same(left: Any, right: Any) -> bool:
    """Equal answers: NaN is NaN, and times agree to a hundredth."""
    (left_text, left_chunks), (right_text, right_chunks) = left, right
    return (
        left_text == right_text
        and len(left_chunks) == len(right_chunks)
        and all(
            (a[0], a[3]) == (b[0], b[3]) and np.allclose(a[1:3], b[1:3], atol=0.01, equal_nan=True)
            for a, b in zip(left_chunks, right_chunks, strict=True)
        )
    )


# Batches.

MIXED: dict[str, list[dict[str, Any]]] = {
    "ctc": [{}, {"return_timestamps": "word"}, {"return_timestamps": "char", "chunk_length_s": 1.0}],
    "seq2seq": [{}, {"max_new_tokens": 4}, {"chunk_length_s": 2.0}],
    "whisper": [
        {"return_timestamps": "word", "max_new_tokens": 30},
        {"return_timestamps": True, "max_new_tokens": 30},
        {"chunk_length_s": 2.0, "return_timestamps": "word", "max_new_tokens": 12},
        {"language": "de", "max_new_tokens": 30},
    ],
}


@pytest.mark.parametrize("name", NAMES)
def test_requests_that_share_a_batch_get_the_answers_they_get_alone(ensembles: Ensembles, name: str) -> None:
    ensemble = ensembles[name]
    requests: list[Sent] = [
        (files(sound), parameters)
        for sound in (SPEECH, SHORT, STEREO)
        for parameters in MIXED[ensemble.preprocess.family]
    ]
    together = ensemble.batch(*requests)
    for request, result in zip(requests, together, strict=True):
        assert not isinstance(result, Exception), result
        assert same(answer(result), answer(ensemble(request[0], **request[1])))


@pytest.mark.parametrize("name", NAMES)
def test_items_of_one_request_get_the_answers_they_get_alone(ensembles: Ensembles, name: str) -> None:
    """Though they differ in length and number of rows."""
    audios = (SHORT, SPEECH, STEREO)
    together = ensembles[name](files(*audios), chunk_length_s=1.5)
    for row, sound in enumerate(audios):
        assert same(answer(together, row), answer(ensembles[name](files(sound), chunk_length_s=1.5)))


def test_long_audios_of_a_batch_get_the_answers_they_get_alone(ensembles: Ensembles) -> None:
    """They move on window by window, each at its own pace."""
    whisper = ensembles["whisper"]
    parameters = {"return_timestamps": True, "max_new_tokens": 20}
    sounds = [noise(seconds, seed) for seed, seconds in enumerate((33, 61))]
    requests: list[Sent] = [({"SAMPLES": samples}, parameters) for samples in sounds]
    requests.append((files(LONG), parameters))
    for request, result in zip(requests, whisper.batch(*requests), strict=True):
        assert not isinstance(result, Exception), result
        assert same(answer(result), answer(whisper(request[0], **request[1])))


def test_one_bad_request_fails_alone(ensembles: Ensembles) -> None:
    good, bad, also_bad = ensembles["whisper"].batch(
        (files(SHORT), {"max_new_tokens": 5}), (files(b"nothing"), {}), (files(SHORT), {"max_new_tokens": 1_000})
    )
    assert not isinstance(good, Exception) and good["TEXT"][0, 0]
    assert isinstance(bad, InvalidInput) and "no format" in str(bad)
    assert isinstance(also_bad, InvalidInput) and "room for" in str(also_bad)


# Inputs.


@pytest.mark.parametrize("name", NAMES)
def test_samples_say_what_their_file_says(ensembles: Ensembles, name: str) -> None:
    samples = audio.decode(SPEECH, RATE, audio.Limits(10**9, 10**9))[None]
    expected = answer(ensembles[name](files(SPEECH)))
    assert answer(ensembles[name]({"SAMPLES": samples})) == expected
    assert answer(ensembles[name]({"SAMPLES": samples, "SAMPLING_RATE": np.array([[RATE]], np.int32)})) == expected


def test_samples_of_another_rate_are_resampled(ensembles: Ensembles) -> None:
    stage = ensembles["wav2vec2"].preprocess
    result = stage.process(
        Request({"SAMPLES": noise(1.0), "SAMPLING_RATE": np.array([[8_000]], np.int32)}, PARAMETERS.parse({}))
    )
    assert result["input_values"].shape == (1, 1, 2 * RATE)
    assert result["lengths"].tolist() == [[[2 * RATE, 2 * RATE]]]


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "either AUDIO"),
        ({"AUDIO": text(SHORT), "SAMPLES": noise(0.1)}, "either AUDIO"),
        ({"SAMPLES": noise(0.01)}, "needs 400"),
        ({"SAMPLES": noise(121)}, "chunk_length_s"),
        ({"SAMPLES": np.full((1, 1_000), np.nan, np.float32)}, "NaN"),
    ],
)
def test_bad_inputs_are_refused(ensembles: Ensembles, tensors: Tensors, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ensembles["wav2vec2"](tensors)


@pytest.mark.parametrize(
    ("settings", "sent", "parameters", "message"),
    [
        ({"max_audio_seconds": "5"}, files(SPEECH), {}, "max_audio_seconds"),
        ({"max_audio_seconds": "6"}, files(SPEECH, SPEECH), {}, "in all"),
        ({"max_audio_bytes": "1000"}, files(SHORT), {}, "max_audio_bytes"),
        ({"max_row_seconds": "3"}, files(SPEECH), {}, "max_row_seconds"),
        ({"max_row_seconds": "3"}, files(SPEECH), {"chunk_length_s": 4}, "max_row_seconds"),
        ({"max_rows": "3"}, files(SPEECH, SPEECH), {"chunk_length_s": 3}, "max_rows"),
        ({}, files(SPEECH), {"chunk_length_s": 0.02, "stride_length_s": 0}, "at least 400"),
    ],
)
def test_limits(checkpoints: Path, settings: dict[str, str], sent: Tensors, parameters: Any, message: str) -> None:
    stage = Preprocess.local(checkpoints / f"{TASK}_wav2vec2", settings)
    with pytest.raises(InvalidInput, match=message):
        stage.process(Request(sent, PARAMETERS.parse(parameters)))


# Parameters.


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("wav2vec2", {"return_timestamps": True}, '"char" or "word"'),
        ("wav2vec2", {"return_language": True}, "only Whisper"),
        ("wav2vec2", {"chunk_length_s": 1, "stride_length_s": 2}, "longer than the strides"),
        ("wav2vec2", {"chunk_length_s": 1, "stride_length_s": 0.5}, "longer than the strides"),
        ("moonshine", {"return_timestamps": "word"}, "no timestamps"),
        ("wav2vec2_lm", {"return_timestamps": "char"}, "words alone"),
        ("whisper", {"return_timestamps": "char"}, '"true" or "word"'),
        ("whisper", {"language": "klingon"}, r"knows en \(english\), de \(german\)"),
        ("whisper", {"language": "japanese"}, "does not know"),
        ("whisper", {"no_speech_threshold": 0.5}, "logprob_threshold"),
        ("whisper", {"max_length": 2}, "no room"),
        ("whisper", {"num_beams": 5}, "max_batch_rows"),
        ("moonshine", {"num_beams": 5}, "max_batch_rows"),
        ("whisper_english", {"language": "en"}, "English alone"),
        ("whisper_english", {"task": "translate"}, "English alone"),
    ],
)
def test_what_a_model_cannot_do_is_refused(
    ensembles: Ensembles, name: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        ensembles[name](files(SPEECH), **parameters)


@pytest.mark.parametrize(
    ("value", "parsed"), [(0.2, (0.2,)), (0, (0.0,)), ("0.0,0.2, 0.4", (0.0, 0.2, 0.4)), ("null", None)]
)
def test_temperatures(value: Any, parsed: Any) -> None:
    assert PARAMETERS.parse({"temperature": value})["temperature"] == parsed


@pytest.mark.parametrize("value", [True, -1, "0.0,x", "", "nan", "0,-0.2", "inf"])
def test_what_is_no_temperature(value: Any) -> None:
    with pytest.raises(InvalidInput, match="temperature"):
        PARAMETERS.parse({"temperature": value})


def test_a_threshold_of_probability_goes_without_a_temperature(ensembles: Ensembles) -> None:
    """transformers fails: there is no temperature to fall back to, and none to scale by."""
    whisper, few = ensembles["whisper"], {"max_new_tokens": 8}
    assert answer(whisper(files(SHORT), logprob_threshold=0.0, **few)) == answer(whisper(files(SHORT), **few))


def test_sampling_repeats_with_its_seed(ensembles: Ensembles) -> None:
    whisper = ensembles["whisper"]
    texts = [answer(whisper(files(SHORT), temperature=1.5, seed=seed, max_new_tokens=20))[0] for seed in (1, 1, 2, 3)]
    assert texts[0] == texts[1] and len(set(texts)) > 1


def test_false_timestamps_are_none(ensembles: Ensembles) -> None:
    for name in ("wav2vec2", "whisper"):
        result = ensembles[name](files(SHORT), return_timestamps=False)
        assert result["COUNT"].tolist() == [[0]] and result["CHUNK_TEXT"].shape == (1, 0)


# Rows.


@pytest.mark.parametrize("length", [1, 999, 1_000, 1_001, 4_321])
@pytest.mark.parametrize(("row", "left", "right"), [(1_000, 0, 0), (1_000, 200, 100), (1_000, 499, 500)])
def test_rows_without_their_overlaps_are_the_audio(length: int, row: int, left: int, right: int) -> None:
    samples = np.arange(length)
    chunks = list(Cut(row, left, right)(samples))
    assert all(len(chunk.samples) == row for chunk in chunks[:-1])
    kept = [chunk.samples[chunk.left : len(chunk.samples) - chunk.right] for chunk in chunks]
    assert np.concatenate(kept).tolist() == samples.tolist()


def test_rows_are_whole_frames_and_overlap_by_a_sixth() -> None:
    parameters = PARAMETERS.parse({"chunk_length_s": 1.01})
    assert cut(parameters, RATE, 320) == Cut(16_000, 2_560, 2_560)
    assert cut(PARAMETERS.parse({}), RATE, 320) is None
    sides = PARAMETERS.parse({"chunk_length_s": 3, "stride_length_s_left": 1, "stride_length_s": 0.5})
    assert cut(sides, RATE, 320) == Cut(48_000, 16_000, 8_000)


def test_context_alone_says_nothing(ensembles: Ensembles) -> None:
    """STRIDE is heard and not written: as many frames less at each end."""
    whole, inner = (
        ensembles["hubert"]({**files(SPEECH), **stride}, return_timestamps="char")
        for stride in ({}, {"STRIDE": np.array([[32_000, 16_000]])})
    )
    assert answer(inner)[0] and answer(inner)[0] in answer(whole)[0]
    assert inner["CHUNK_END"].max() <= whole["CHUNK_END"].max() - 3 + 0.02


@pytest.mark.parametrize(
    ("name", "stride", "message"),
    [
        ("wav2vec2", [90_000, 90_000], "does not fit the audio"),
        ("wav2vec2", [-1, 0], "does not fit the audio"),
        ("moonshine", [10, 0], "CTC"),
    ],
)
def test_strides_that_cannot_be(ensembles: Ensembles, name: str, stride: list[int], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ensembles[name]({**files(SPEECH), "STRIDE": np.array([stride])})


# CTC.


def test_a_language_model_prefers_its_words_and_those_of_the_caller(ensembles: Ensembles) -> None:
    words = {"A", "DE", "E", "IT", "O", "TO", "WE"}
    spoken, chunks = answer(ensembles["wav2vec2_lm"](files(SPEECH), return_timestamps="word"))
    assert [chunk[0] for chunk in chunks] == spoken.split()
    assert sum(word in words for word in spoken.split()) > 40
    hot = {**files(SPEECH), "HOTWORDS": np.array([[b"RED", b""]], object)}
    assert "RED" in answer(ensembles["wav2vec2_lm"](hot, hotword_weight=20))[0].split()
    assert answer(ensembles["wav2vec2_lm"](files(SPEECH), beam_width=1))[0] != spoken
    with pytest.raises(InvalidInput, match="words of up to 1,000 bytes"):
        ensembles["wav2vec2_lm"]({**files(SPEECH), "HOTWORDS": np.array([[b"A" * 1_001]], object)})


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "wav2vec2_bert"])
def test_characters_and_words_are_the_text(ensembles: Ensembles, name: str) -> None:
    spoken, characters = answer(ensembles[name](files(SPEECH), return_timestamps="char"))
    assert "".join(chunk[0] for chunk in characters).strip() == spoken
    _, words = answer(ensembles[name](files(SPEECH), return_timestamps="word"))
    assert [word[0] for word in words] == spoken.split()
    for chunks in (characters, words):
        times = np.array([chunk[1:3] for chunk in chunks])
        assert np.all(np.diff(times.ravel()) >= -1e-6) and times.max() < 6.1


def test_ctc_vocabulary_decodes_as_the_tokenizer_of_transformers(checkpoints: Path) -> None:
    from transformers import Wav2Vec2CTCTokenizer

    from python_backend.ctc import Vocabulary

    folder = checkpoints / f"{TASK}_wav2vec2"
    tokenizer, vocabulary = Wav2Vec2CTCTokenizer.from_pretrained(folder), Vocabulary(folder)
    generator = np.random.default_rng(0)
    for length in (0, 1, 2, 10, 300):
        ids = generator.integers(0, 8, length).repeat(generator.integers(1, 3, length)).tolist()
        expected = tokenizer.decode(ids, output_char_offsets=True, output_word_offsets=True)
        characters = vocabulary.characters(ids)
        assert vocabulary.text(characters) == expected["text"]
        assert [tuple(offset.values()) for offset in expected["char_offsets"]] == characters
        assert [tuple(offset.values()) for offset in expected["word_offsets"]] == vocabulary.words(characters)


# Whisper.


def test_log_mel_is_that_of_transformers(checkpoints: Path) -> None:
    from transformers import WhisperFeatureExtractor

    folder = checkpoints / f"{TASK}_whisper"
    theirs, ours = WhisperFeatureExtractor.from_pretrained(folder), speech_features.load(folder)
    assert isinstance(ours, speech_features.LogMel)
    for seconds in (0.3, 12.34, 30, 31):
        samples = noise(seconds)[0]
        expected = theirs(samples, sampling_rate=RATE, return_tensors="np")["input_features"][0]
        np.testing.assert_allclose(ours(samples).values, expected, atol=1e-4)
    expected = theirs(samples, sampling_rate=RATE, truncation=False, padding="longest", return_tensors="np")
    np.testing.assert_allclose(ours.whole(samples).values, expected["input_features"][0], atol=1e-4)


def test_languages_are_those_of_transformers() -> None:
    from transformers.models.whisper import tokenization_whisper

    from python_backend import whisper_languages

    assert whisper_languages.LANGUAGES == tokenization_whisper.LANGUAGES
    assert whisper_languages.CODES == tokenization_whisper.TO_LANGUAGE_CODE


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (5, 40), (40, 5), (23, 150)])
def test_dynamic_time_warping_is_that_of_transformers(shape: tuple[int, int]) -> None:
    from transformers.models.whisper.generation_whisper import _dynamic_time_warping

    from python_backend.whisper_generation import dynamic_time_warping

    generator = np.random.default_rng(0)
    for costs in (generator.normal(size=shape), generator.integers(0, 3, shape).astype(float)):
        for ours, theirs in zip(dynamic_time_warping(costs), _dynamic_time_warping(costs), strict=True):
            assert ours.tolist() == theirs.tolist()


def whisper_rows(generator: np.random.Generator, begin: int, overlap: bool) -> list[tuple[list[int], Any]]:
    """Made-up rows of 30 s: segments of text between pairs of times that grow, with overlaps of 5 s."""
    words = generator.integers(300, 900, 12).tolist()
    rows: list[tuple[list[int], Any]] = []
    count = int(generator.integers(1, 4)) if overlap else 1
    for row in range(count):
        ids = [begin + int(generator.integers(0, 100))]
        for time in sorted(generator.integers(100, 1_500, int(generator.integers(0, 5)))):
            ids += generator.choice(words, int(generator.integers(0, 6))).tolist() + [begin + int(time)] * 2
        ids += generator.choice(words, int(generator.integers(0, 4))).tolist()
        sides = (5.0 * (row > 0), 5.0 * (row < count - 1))
        rows.append((ids, (30.0, *sides)))
    return rows


@pytest.mark.parametrize("timestamps", [None, "true", "word"])
@pytest.mark.parametrize("overlap", [False, True])
def test_transcripts_are_those_of_transformers(checkpoints: Path, timestamps: str | None, overlap: bool) -> None:
    """Rows with times and overlaps, a few hundred of them. transformers 5 takes a token's times from one place earlier
    than 4.48: it gets them moved."""
    from transformers import WhisperTokenizer

    from python_backend.whisper import Row, Transcript, Vocabulary

    folder = checkpoints / f"{TASK}_whisper"
    tokenizer, vocabulary = WhisperTokenizer.from_pretrained(folder), Vocabulary(folder)
    generator = np.random.default_rng(1)
    for _ in range(100):
        rows = whisper_rows(generator, vocabulary.timestamp_begin, overlap)
        outputs = []
        transcript = Transcript(vocabulary, timestamps, 0.02)
        for ids, stride in rows:
            times = np.sort(generator.uniform(0, 30, len(ids) + 1).round(2)).astype(np.float32)
            moved = torch.tensor([times[1:].tolist()])
            outputs.append({"tokens": torch.tensor([ids]), "token_timestamps": moved, "stride": stride})
            transcript.add(Row(ids, times.tolist() if timestamps == "word" else None, stride))
        transcript.close()
        expected, more = tokenizer._decode_asr(
            outputs,
            return_timestamps={"true": True, "word": "word"}.get(str(timestamps), False),
            return_language=True,
            time_precision=0.02,
        )
        assert transcript.text == expected
        assert [chunk.text for chunk in transcript.chunks] == [chunk["text"] for chunk in more["chunks"]]
        if timestamps:
            times_of = [chunk["timestamp"] for chunk in more["chunks"]]
            assert [(chunk.start, chunk.end) for chunk in transcript.chunks] == times_of


def test_a_window_that_gets_no_further_is_left() -> None:
    """transformers would decode it again and again."""
    from python_backend.whisper_generation import Whisper

    begin = 1_000
    segments, offset = Whisper._retrieve_segment(
        seek_sequence=torch.tensor([begin, 7, 8, begin, begin]),
        seek_outputs=[None],
        time_offset=torch.tensor([60.0]),
        timestamp_begin=begin,
        seek_num_frames=torch.tensor([3_000]),
        time_precision=0.02,
        time_precision_features=0.01,
        input_stride=2,
        prev_idx=0,
        idx=0,
        return_token_timestamps=False,
        decoder_input_ids=torch.zeros(1, 3),
    )
    assert offset == 3_000
    assert [segment["window"] for segment in segments] == [60.0]


def test_language_is_told(ensembles: Ensembles) -> None:
    whisper = ensembles["whisper"]
    _, detected = answer(whisper(files(SPEECH), return_language=True, max_new_tokens=10))
    assert {chunk[3] for chunk in detected} <= {"english", "german", "spanish", "french"} and detected
    assert all(np.isnan(chunk[1]) and np.isnan(chunk[2]) for chunk in detected)
    _, given = answer(
        whisper(files(SPEECH), return_language=True, language="Spanish", return_timestamps="word", max_new_tokens=10)
    )
    assert {chunk[3] for chunk in given} == {"spanish"}


def test_times_of_long_audio_count_from_its_start(ensembles: Ensembles) -> None:
    """Whisper hears windows of 30 s and counts in each from zero."""
    whisper = ensembles["whisper"]
    rows = whisper.preprocess.process(Request(files(LONG), PARAMETERS.parse({"return_timestamps": True})))
    assert rows["input_features"].shape[-1] > 3_000
    _, chunks = answer(whisper(files(LONG), return_timestamps=True, max_new_tokens=30))
    ends = [chunk[2] for chunk in chunks if not np.isnan(chunk[2])]
    assert max(ends) > 30


# Other models that generate.


def test_speech2text_pieces(tmp_path: Path) -> None:
    """A vocabulary of SentencePiece pieces without a tokenizer.json."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "\u2581the", "\u2581se", "a", "<lang:fr>"]
    (tmp_path / "vocab.json").write_text(str({piece: id_ for id_, piece in enumerate(pieces)}).replace("'", '"'))
    (tmp_path / "special_tokens_map.json").write_text('{"additional_special_tokens": ["<lang:fr>"]}')
    assert Pieces(tmp_path).decode([2, 7, 4, 5, 6, 2, 1], skip_special_tokens=True) == "the sea"
    (tmp_path / "special_tokens_map.json").unlink()
    (tmp_path / "tokenizer_config.json").write_text('{"lang_codes": "mustc", "tgt_lang": "fr"}')
    assert Pieces(tmp_path).decode([2, 7, 4, 5, 6, 2, 1], skip_special_tokens=True) == "the sea"


def test_older_checkpoints_leave_the_feature_extractor_to_the_model() -> None:
    name = speech_features.class_name
    assert name({}, {"model_type": "wav2vec2"}) == "Wav2Vec2FeatureExtractor"
    assert name({}, {"model_type": "speech-encoder-decoder", "encoder": {"model_type": "hubert"}}) == (
        "Wav2Vec2FeatureExtractor"
    )
    assert name({"feature_extractor_type": "WhisperFeatureExtractor"}, {}) == "WhisperFeatureExtractor"


def test_an_adapter_makes_frames_fewer() -> None:
    config = {"model_type": "wav2vec2-bert", "add_adapter": True, "num_adapter_layers": 2}
    assert samples_per_frame({"model_type": "wav2vec2-bert"}) == 320
    assert samples_per_frame(config) == 320 * 4


def test_settings_that_transformers_5_saves_inside_the_processors_count(tmp_path: Path) -> None:
    settings = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 8000, "do_normalize": False}
    saved = {"feature_extractor": settings, "processor_class": "Wav2Vec2Processor"}
    (tmp_path / "processor_config.json").write_text(json.dumps(saved))
    (tmp_path / "config.json").write_text('{"model_type": "wav2vec2"}')
    extractor = speech_features.load(tmp_path)
    assert isinstance(extractor, speech_features.Waveform)
    assert (extractor.sampling_rate, extractor.do_normalize) == (8000, False)


def test_an_encoder_of_sound_with_a_decoder_of_text(checkpoints: Path, tmp_path: Path) -> None:
    """As Wav2Vec2 with mBART; the tokens of its configuration are those of the decoder's class, which it lacks."""
    sizes: Any = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 16, "intermediate_size": 16}
    encoder = Wav2Vec2Config(**sizes, conv_dim=[8] * 7, num_conv_pos_embedding_groups=4)
    decoder = GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=1000, add_cross_attention=True)
    config = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id = config.pad_token_id = 0
    torch.manual_seed(0)
    model = SpeechEncoderDecoderModel(config).eval()
    model.save_pretrained(tmp_path)
    shutil.copy(checkpoints / f"{TASK}_wav2vec2/preprocessor_config.json", tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoints / "text_generation_gpt2" / name, tmp_path)
    ensemble = Ensemble(TASK, tmp_path)
    tensors = ensemble({"SAMPLES": noise(1)}, max_new_tokens=5)
    values = torch.from_numpy(tensors["input_values"][0])
    ids = model.generate(inputs=values, attention_mask=torch.ones_like(values), max_new_tokens=5, do_sample=False)
    assert tensors["tokens"][0, 0].tolist() == ids[0].tolist()


# Stages.


def test_padding_rows_say_nothing(checkpoints: Path) -> None:
    stage = Postprocess.local(checkpoints / f"{TASK}_wav2vec2")
    tensors = {
        "tokens": np.array([[[5, 5, 0, 6], [6, 7, -1, -1]], [[5, -1, -1, -1], [-1, -1, -1, -1]]], np.int32),
        "token_times": np.zeros((2, 2, 0), np.float32),
        "logits": np.zeros((2, 2, 0, 0), np.float32),
        "strides": np.array([[[1_280, 0, 0], [640, 0, 0]], [[320, 0, 0], [0, 0, 0]]], np.int32),
    }
    result = stage.process(Request(tensors, PARAMETERS.parse({"return_timestamps": "char"})))
    assert result["COUNT"].tolist() == [[3], [1]]
    assert [chunk[0] for chunk in answer(result)[1]] == ["E", "T", "A"]
    assert answer(result, 1)[1] == [("E", 0.0, pytest.approx(0.02), "")]


def test_recognition_gives_up_at_its_deadline(checkpoints: Path) -> None:
    ensemble = Ensemble(TASK, checkpoints / f"{TASK}_whisper", max_generation_seconds="0")
    with pytest.raises(InvalidInput, match="max_generation_seconds"):
        ensemble(files(SHORT))


def test_other_models_end_at_the_deadline_with_what_there_is(checkpoints: Path) -> None:
    asked = {"max_new_tokens": 30, "min_new_tokens": 30}
    counts = [
        np.count_nonzero(ensemble(files(SHORT), **asked)["tokens"] >= 0)
        for seconds in ("0", "3600")
        for ensemble in (Ensemble(TASK, checkpoints / f"{TASK}_moonshine", max_generation_seconds=seconds),)
    ]
    assert counts[0] < counts[1] == 31


def test_a_request_that_fails_leaves_the_attention_as_it_was(ensembles: Ensembles) -> None:
    recognizer = ensembles["whisper"].model.recognizer
    before = recognizer.model.config._attn_implementation
    with pytest.raises(InvalidInput, match="max_new_tokens"):
        ensembles["whisper"](files(SHORT), return_timestamps="word", max_new_tokens=10_000)
    assert recognizer.model.config._attn_implementation == before == "sdpa"
