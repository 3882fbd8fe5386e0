"""Checkpoints of automatic-speech-recognition."""

import re
from typing import Any

import numpy as np

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, recipe
from checkpoints.weights import Arrays, bias_tokens

HEAD = {"lm_head": 4.0}
LAYER_NORMS = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
"""In the convolutions, and before attention."""


def wav2vec2_config(model_type: str, **more: Any) -> dict[str, Any]:
    """Wav2Vec2 and HuBERT: seven convolutions give one frame for 320 samples, 20 ms."""
    return {
        "model_type": model_type,
        "vocab_size": len(vocabulary.CTC_VOCABULARY),
        **encoders.SIZES,
        "conv_dim": [32] * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        **more,
    }


def samples(**settings: Any) -> dict[str, Any]:
    """A preprocessor_config.json that gives the samples themselves at 16 kHz."""
    return {
        "preprocessor_config.json": {
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "processor_class": "Wav2Vec2Processor",
            "feature_size": 1,
            "sampling_rate": 16000,
            "padding_value": 0.0,
            "padding_side": "right",
            "do_normalize": True,
            **settings,
        }
    }


def log_mel(**settings: Any) -> dict[str, Any]:
    """A preprocessor_config.json that gives Whisper's log-mel frames of 30 s."""
    return {
        "preprocessor_config.json": {
            "chunk_length": 30,
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": 80,
            "hop_length": 160,
            "n_fft": 400,
            "n_samples": 480000,
            "nb_max_frames": 3000,
            "padding_side": "right",
            "padding_value": 0.0,
            **settings,
            "return_attention_mask": False,
            "sampling_rate": 16000,
        }
    }


def speak_characters(arrays: Arrays) -> None:
    """Let a CTC head say blanks, bars and letters, and never <s>, </s> or <unk>."""
    arrays["lm_head.bias"][:5] = [3, -100, -100, -100, 3]


@recipe
def wav2vec2() -> Recipe:
    """CTC over characters; normalized samples, no attention mask."""
    files = vocabulary.wav2vec2() | samples(return_attention_mask=False)
    return Recipe("Wav2Vec2ForCTC", wav2vec2_config("wav2vec2"), files, HEAD, speak_characters)


WORDS = {"A": -0.8, "DE": -1.1, "E": -1.0, "IT": -1.2, "O": -1.2, "TO": -0.9, "WE": -1.3}
"""Of the language model: log10 of their probabilities. Short ones, such as a network of random weights may say."""


def language_model() -> dict[str, Any]:
    """The files of pyctcdecode: an alphabet, and a language model of single words and pairs in ARPA's format."""
    singles = {"<unk>": -3.0, "<s>": -99.0, "</s>": -1.5, **WORDS}
    pairs = {f"{first} {second}": -0.4 for first, second in zip(WORDS, list(WORDS)[1:], strict=False)}
    lines = ["\\data\\", f"ngram 1={len(singles)}", f"ngram 2={len(pairs)}", "", "\\1-grams:"]
    lines += [f"{probability}\t{word}\t-0.3" for word, probability in singles.items()]
    lines += ["", "\\2-grams:", *(f"{probability}\t{pair}" for pair, probability in pairs.items()), "", "\\end\\", ""]
    _blank, start, end, _, _, *characters = vocabulary.CTC_VOCABULARY
    return {
        "alphabet.json": {"labels": ["", start, end, "\u2047", " ", *characters], "is_bpe": False},
        "language_model/attrs.json": {
            "alpha": 0.5,
            "beta": 1.5,
            "unk_score_offset": -10.0,
            "score_boundary": True,
        },
        "language_model/unigrams.txt": "\n".join(sorted(WORDS)) + "\n",
        "language_model/words.arpa": "\n".join(lines),
    }


@recipe
def wav2vec2_lm() -> Recipe:
    """CTC over characters, decoded with a language model."""
    files = vocabulary.wav2vec2() | language_model()
    files |= samples(return_attention_mask=False, processor_class="Wav2Vec2ProcessorWithLM")
    return Recipe("Wav2Vec2ForCTC", wav2vec2_config("wav2vec2"), files, HEAD, speak_characters)


@recipe
def hubert() -> Recipe:
    """CTC over characters; layer norms in the convolutions, and an attention mask."""
    config = wav2vec2_config("hubert", **LAYER_NORMS)
    files = vocabulary.wav2vec2() | samples(return_attention_mask=True)
    return Recipe("HubertForCTC", config, files, HEAD, speak_characters)


@recipe
def wav2vec2_bert() -> Recipe:
    """CTC over characters from log-mel frames of 20 ms."""
    config = wav2vec2_config("wav2vec2-bert", feature_projection_input_dim=160)
    for key in ("conv_dim", "num_conv_pos_embeddings", "num_conv_pos_embedding_groups"):
        del config[key]
    frames = {
        "preprocessor_config.json": {
            "feature_extractor_type": "SeamlessM4TFeatureExtractor",
            "processor_class": "Wav2Vec2BertProcessor",
            "feature_size": 80,
            "num_mel_bins": 80,
            "padding_side": "right",
            "padding_value": 1,
            "return_attention_mask": True,
            "sampling_rate": 16000,
            "stride": 2,
        }
    }
    return Recipe("Wav2Vec2BertForCTC", config, vocabulary.wav2vec2() | frames, HEAD, speak_characters)


END = vocabulary.VOCABULARY_SIZE
START = END + 1
TIMES = END + 12
HEAD_SIZE = 12
ALIGNMENT_HEADS = [[0, 1], [1, 0], [1, 2]]


def speak_whisper(arrays: Arrays) -> None:
    """Let Whisper say a few words between times that move on slowly, then end; its alignment heads follow the sound."""
    tokens, places = arrays["model.decoder.embed_tokens.weight"], arrays["model.decoder.embed_positions.weight"]
    tokens[TIMES:] /= 3
    biases = {TIMES + step: 4.0 - 0.006 * step for step in range(len(vocabulary.WHISPER_TIMES))} | {END: 4.0}
    bias_tokens(arrays, "model.decoder.embed_tokens", "model.decoder.layer_norm", biases)
    # Hidden states 1 to 4 hold the place alone: nothing else writes to them.
    for name, array in arrays.items():
        if re.search(r"(out_proj|fc2|encoder\.conv2)\.(weight|bias)$", name):
            array[1:5] = 0
    tokens[:, 1:5] = 0
    # 1 grows with the place, and with it the chance of the end; 4 keeps the mean.
    places[:, 1] = 0.1 * np.arange(len(places))
    places[:, 4] = -places[:, 1]
    tokens[END, 1] = 10
    # 2 and 3 turn with the place: half a turn for 40 tokens, and for 6 s of sound.
    places[:, 2:4] = half_turns(len(places), 40)
    arrays["model.encoder.embed_positions.weight"][:, 2:4] = half_turns(1500, 300)
    for layer, head in ALIGNMENT_HEADS:
        for projection in ("q_proj", "k_proj"):
            weight = arrays[f"model.decoder.layers.{layer}.encoder_attn.{projection}.weight"]
            weight[head * HEAD_SIZE : (head + 1) * HEAD_SIZE] = 0
            weight[head * HEAD_SIZE : head * HEAD_SIZE + 2, 2:4] = 6 * np.eye(2)


def half_turns(places: int, turn: int) -> np.ndarray:
    """[places, 2]: points on a circle, `turn` of them on half of it."""
    angles = np.pi * np.arange(places) / turn
    return 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def whisper_recipe(**more: Any) -> Recipe:
    """A Whisper of two layers; `more` goes to its generation_config.json."""
    tokens = {
        "bos_token_id": END,
        "eos_token_id": END,
        "pad_token_id": END,
        "decoder_start_token_id": START,
        "begin_suppress_tokens": [220, END],
        "suppress_tokens": [],
    }
    config = {
        "model_type": "whisper",
        "vocab_size": TIMES + len(vocabulary.WHISPER_TIMES),
        **encoders.SIZES_WITH_DECODER,
        **tokens,
    }
    generation = {
        **tokens,
        "alignment_heads": ALIGNMENT_HEADS,
        "max_initial_timestamp_index": 50,
        "max_length": 448,
        "no_timestamps_token_id": TIMES - 1,
        "prev_sot_token_id": START + 8,
        "return_timestamps": False,
        **more,
    }
    files = vocabulary.whisper() | {"generation_config.json": generation}
    files |= log_mel(processor_class="WhisperProcessor")
    gains = {"embed_tokens": 3.0, "decoder.embed_positions": 4.0, "encoder_attn": 3.0, "attn|fc": 2.0}
    return Recipe("WhisperForConditionalGeneration", config, files, gains, speak_whisper)


@recipe
def whisper() -> Recipe:
    """Sequence to sequence, many languages, times as tokens."""
    languages = {f"<|{language}|>": START + 1 + index for index, language in enumerate(vocabulary.WHISPER_LANGUAGES)}
    tasks = {"translate": START + 5, "transcribe": START + 6}
    return whisper_recipe(is_multilingual=True, lang_to_id=languages, task_to_id=tasks)


@recipe
def whisper_english() -> Recipe:
    """Knows English alone: neither languages nor tasks in its prompt."""
    return whisper_recipe(is_multilingual=False)


@recipe
def moonshine() -> Recipe:
    """Sequence to sequence from the samples themselves, without times."""
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1, "pad_token_id": 2}
    config = {
        "model_type": "moonshine",
        "hidden_size": 48,
        "intermediate_size": 96,
        "encoder_num_hidden_layers": 2,
        "decoder_num_hidden_layers": 2,
        "encoder_num_attention_heads": 4,
        "decoder_num_attention_heads": 4,
        "encoder_num_key_value_heads": 4,
        "decoder_num_key_value_heads": 4,
        "partial_rotary_factor": 0.9,
        "tie_word_embeddings": True,
        **tokens,
    }
    files = vocabulary.mistral() | samples(do_normalize=False, return_attention_mask=True)
    files |= {"generation_config.json": {**tokens, "max_length": 40}}
    gains = {"embed_tokens": 3.0, "encoder_attn": 3.0, "attn|fc": 2.0}
    return Recipe("MoonshineForConditionalGeneration", config, files, gains)
