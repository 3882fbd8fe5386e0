"""Cases of automatic-speech-recognition."""

from typing import Any

from tests.cases import REFUSED_TOO, Bytes, Case, File, Generator
from tests.cases.sounds import KINDS, LONG, NO_RECORDING, SAMPLES, SHORT, SPEECH, STEREO, raw

WAV2VEC2 = "automatic_speech_recognition_wav2vec2"
HUBERT = "automatic_speech_recognition_hubert"
WAV2VEC2_BERT = "automatic_speech_recognition_wav2vec2_bert"
LM = "automatic_speech_recognition_wav2vec2_lm"
WHISPER = "automatic_speech_recognition_whisper"
CTC = {"wav2vec2": WAV2VEC2, "hubert": HUBERT, "wav2vec2_bert": WAV2VEC2_BERT}
MOONSHINE = "automatic_speech_recognition_moonshine"
ENGLISH = "automatic_speech_recognition_whisper_english"
ALL = {**CTC, "whisper": WHISPER, "moonshine": MOONSHINE}


def mend(pipeline: Any, case: Case) -> dict[str, Any]:
    """Undo two defects of Whisper in 4.48.1 that later releases mended."""
    if case.parameters.get("return_language") and not case.refused:
        tell_language(pipeline)
    if case.checkpoint.startswith(WHISPER) and case.parameters.get("return_timestamps") is True:
        count_from_the_start(pipeline)
    return {}


def tell_language(pipeline: Any) -> None:
    """Put back the language token, which 4.48.1 drops before it decodes: it always says None."""
    import torch

    forward = pipeline._forward

    def forward_with_language(inputs: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        language = pipeline.model.detect_language(inputs["input_features"][..., :3000])
        outputs: dict[str, Any] = forward(inputs, **parameters)
        return {**outputs, "tokens": torch.cat([language[:, None], outputs["tokens"]], dim=1)}

    pipeline._forward = forward_with_language


def count_from_the_start(pipeline: Any) -> None:
    """Let times count from the start of the sound: 4.48.1 counts anew in each window that it cuts of the sound."""
    import torch

    model, generate, retrieve = pipeline.model, pipeline.model.generate, pipeline.model._retrieve_segment
    begin = model.generation_config.no_timestamps_token_id + 1

    def retrieve_with_window(**arguments: Any) -> Any:
        segments, offset = retrieve(**arguments)
        window = round(arguments["time_offset"][arguments["prev_idx"]].item() / arguments["time_precision"])
        for segment in segments:
            tokens = segment["tokens"]
            segment["tokens"] = torch.where(tokens >= begin, tokens + window, tokens)
        return segments, offset

    def generate_from_segments(**arguments: Any) -> torch.Tensor:
        rows = generate(**arguments, return_segments=True)["segments"]
        tokens = [torch.cat([segment["tokens"] for segment in row]) for row in rows]
        return torch.nn.utils.rnn.pad_sequence(tokens, True, model.generation_config.pad_token_id)

    model._retrieve_segment, model.generate = retrieve_with_window, generate_from_segments


CASES = [
    *(Case(f"{name}_one", checkpoint, SPEECH) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_bytes", checkpoint, Bytes("tests/data/speech.flac")) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{kind}", checkpoint, sound)
        for name, checkpoint in {"wav2vec2": WAV2VEC2, "whisper": WHISPER}.items()
        for kind, sound in KINDS.items()
    ),
    Case("m4a", WAV2VEC2, File("tests/data/speech.m4a")),
    *(Case(f"{name}_samples", checkpoint, SAMPLES) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_dict", checkpoint, raw()) for name, checkpoint in ALL.items()),
    Case(
        "dict_array",
        WAV2VEC2,
        {"array": SAMPLES, "sampling_rate": 16000, "path": "unused"},
        note="as the datasets library gives it",
    ),
    Case("dict_extra", WAV2VEC2, raw(speaker="Lincoln"), note="other keys come back, as lists"),
    *(Case(f"{name}_dict_stride", checkpoint, raw(stride=(16000, 8000))) for name, checkpoint in CTC.items()),
    Case("whisper_dict_stride", WHISPER, raw(stride=(16000, 8000)), {"return_timestamps": True}),
    Case("moonshine_dict_stride", MOONSHINE, raw(stride=(16000, 8000)), refused="stride", note=REFUSED_TOO),
    Case("dict_stride_too_large", WAV2VEC2, raw(stride=(90000, 90000)), refused="stride", note=REFUSED_TOO),
    *(Case(f"{name}_list", checkpoint, [SPEECH, SHORT, STEREO]) for name, checkpoint in ALL.items()),
    Case("list_of_one", WAV2VEC2, [SPEECH]),
    Case("generator", WHISPER, Generator((SPEECH, STEREO))),
    Case("batch_size", WHISPER, [SPEECH, SHORT, STEREO], {"batch_size": 2}),
    *(
        Case(f"{name}_{unit}", checkpoint, SPEECH, {"return_timestamps": unit})
        for name, checkpoint in CTC.items()
        for unit in ("char", "word")
    ),
    Case("timestamps_of_constructor", WAV2VEC2, SPEECH, init={"return_timestamps": "word"}),
    *(Case(f"{name}_chunks", checkpoint, SPEECH, {"chunk_length_s": 2}) for name, checkpoint in ALL.items()),
    Case("lm_one", LM, SPEECH),
    Case("lm_word", LM, SPEECH, {"return_timestamps": "word"}),
    Case("lm_char", LM, SPEECH, {"return_timestamps": "char"}, refused="word", note=REFUSED_TOO),
    Case("lm_chunks", LM, LONG, {"chunk_length_s": 10, "stride_length_s": [2, 1], "return_timestamps": "word"}),
    Case("lm_list", LM, [SPEECH, SHORT]),
    *(
        Case(f"lm_{name}", LM, SPEECH, {"decoder_kwargs": {name: value, **more}})
        for name, value, more in (
            ("beam_width", 2, {}),
            ("beam_prune_logp", -1.0, {}),
            ("token_min_logp", -0.5, {}),
            ("prune_history", True, {}),
            ("hotwords", ["RED", "HEED"], {}),
            ("hotword_weight", 30.0, {"hotwords": ["RED"]}),
        )
    ),
    Case("chunks_stride", WAV2VEC2, SPEECH, {"chunk_length_s": 2, "stride_length_s": 0.5}),
    Case(
        "chunks_two_strides",
        HUBERT,
        SPEECH,
        {"chunk_length_s": 3, "stride_length_s": [1, 0.5], "return_timestamps": "char"},
    ),
    Case("chunks_word", WAV2VEC2, SPEECH, {"chunk_length_s": 2, "return_timestamps": "word"}),
    Case("chunks_long", WAV2VEC2, LONG, {"chunk_length_s": 10}),
    Case("chunks_list", WAV2VEC2, [SPEECH, STEREO], {"chunk_length_s": 2}),
    Case(
        "chunks_shorter_than_stride",
        WAV2VEC2,
        SPEECH,
        {"chunk_length_s": 1, "stride_length_s": 2},
        refused="stride",
        note=REFUSED_TOO,
    ),
    Case("ctc_timestamps_true", WAV2VEC2, SPEECH, {"return_timestamps": True}, refused="char", note=REFUSED_TOO),
    Case(
        "ctc_language", WAV2VEC2, SPEECH, {"return_language": True}, refused="return_language|Whisper", note=REFUSED_TOO
    ),
    Case(
        "moonshine_timestamps", MOONSHINE, SPEECH, {"return_timestamps": True}, refused="timestamps", note=REFUSED_TOO
    ),
    Case("moonshine_max_new_tokens", MOONSHINE, SPEECH, {"generate_kwargs": {"max_new_tokens": 6}}),
    Case("english", ENGLISH, SPEECH),
    Case("english_timestamps", ENGLISH, SPEECH, {"return_timestamps": True}),
    Case("english_word", ENGLISH, SPEECH, {"return_timestamps": "word"}),
    Case(
        "english_language",
        ENGLISH,
        SPEECH,
        {"generate_kwargs": {"language": "en"}},
        refused="language",
        note=REFUSED_TOO,
    ),
    Case("whisper_timestamps", WHISPER, SPEECH, {"return_timestamps": True}),
    Case("whisper_word", WHISPER, SPEECH, {"return_timestamps": "word"}),
    Case("whisper_char", WHISPER, SPEECH, {"return_timestamps": "char"}, refused="char", note=REFUSED_TOO),
    Case("whisper_language", WHISPER, SPEECH, {"return_language": True, "return_timestamps": True}),
    Case("whisper_language_only", WHISPER, SPEECH, {"return_language": True}),
    Case("whisper_german", WHISPER, SPEECH, {"generate_kwargs": {"language": "german"}}),
    Case("whisper_french_code", WHISPER, SPEECH, {"generate_kwargs": {"language": "fr", "task": "transcribe"}}),
    Case("whisper_translate", WHISPER, SPEECH, {"generate_kwargs": {"task": "translate", "language": "es"}}),
    Case("whisper_translate_detected", WHISPER, SPEECH, {"generate_kwargs": {"task": "translate"}}),
    Case(
        "whisper_unknown_language",
        WHISPER,
        SPEECH,
        {"generate_kwargs": {"language": "klingon"}},
        refused="language",
        note=REFUSED_TOO,
    ),
    Case("whisper_max_new_tokens", WHISPER, SPEECH, {"generate_kwargs": {"max_new_tokens": 5}}),
    Case("whisper_max_new_tokens_argument", WHISPER, SPEECH, {"max_new_tokens": 5}),
    Case("whisper_beams", WHISPER, SPEECH, {"generate_kwargs": {"num_beams": 3, "max_new_tokens": 16}}),
    Case(
        "whisper_no_repeat",
        WHISPER,
        SPEECH,
        {"generate_kwargs": {"no_repeat_ngram_size": 2, "repetition_penalty": 1.3}},
    ),
    Case("whisper_of_constructor", WHISPER, SPEECH, init={"generate_kwargs": {"language": "en", "max_new_tokens": 8}}),
    Case("whisper_long", WHISPER, LONG, {"return_timestamps": True}),
    Case("whisper_long_word", WHISPER, LONG, {"return_timestamps": "word"}),
    Case(
        "whisper_long_without_timestamps",
        WHISPER,
        LONG,
        refused="return_timestamps",
        note="longer than half a minute: " + REFUSED_TOO,
    ),
    Case("whisper_chunks_long", WHISPER, LONG, {"chunk_length_s": 30}),
    Case("whisper_chunks_timestamps", WHISPER, LONG, {"chunk_length_s": 20, "return_timestamps": True}),
    Case("whisper_chunks_word", WHISPER, LONG, {"chunk_length_s": 20, "return_timestamps": "word"}),
    Case("whisper_chunks_language", WHISPER, LONG, {"chunk_length_s": 20, "return_language": True}),
    Case(
        "whisper_batch_timestamps",
        WHISPER,
        [SPEECH, STEREO],
        {"return_timestamps": True, "batch_size": 2},
    ),
    Case("not_a_recording", WAV2VEC2, NO_RECORDING, refused="audio", note=REFUSED_TOO),
    Case("dict_without_rate", WAV2VEC2, {"raw": SAMPLES}, refused="sampling_rate", note=REFUSED_TOO),
]
