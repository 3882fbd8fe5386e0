"""Checkpoints of text-to-audio."""

import io
import string
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import transformers
from safetensors.numpy import load_file, save

from checkpoints import vocabulary, weights
from checkpoints.recipe import Recipe, recipe
from checkpoints.weights import Arrays

SIZES = {"hidden_size": 32, "num_layers": 2, "num_heads": 2}
CODES = 16
"""Entries of a codebook."""
CODEC = {
    "model_type": "encodec",
    "sampling_rate": 24000,
    "target_bandwidths": [120.0],  # four codebooks
    "hidden_size": 16,
    "num_filters": 4,
    "upsampling_ratios": [4, 2],
    "num_lstm_layers": 1,
    "codebook_size": CODES,
}
"""EnCodec: a frame is eight samples."""


def vits_recipe(**more: Any) -> Recipe:
    """VITS as MMS's: letters in lower case with blanks between them. `more` goes to the configuration."""
    letters = ["k", *sorted(set(string.ascii_lowercase) - {"k"}), *" '-_", *"éß"]
    tokens = {letter: index for index, letter in enumerate([*letters, "<unk>"])}
    config = {
        "model_type": "vits",
        "vocab_size": len(tokens),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "ffn_dim": 64,
        "flow_size": 32,
        "spectrogram_bins": 33,
        "upsample_initial_channel": 32,
        "upsample_rates": [4, 4],
        "upsample_kernel_sizes": [8, 8],
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 3]],
        "duration_predictor_filter_channels": 32,
        "duration_predictor_num_flows": 2,
        "prior_encoder_num_flows": 2,
        "prior_encoder_num_wavenet_layers": 2,
        "posterior_encoder_num_wavenet_layers": 2,
        "noise_scale": 0.0,
        "noise_scale_duration": 0.0,
        "sampling_rate": 16000,
        **more,
    }
    options = {"pad_token": "k", "unk_token": "<unk>", "add_blank": True, "normalize": True, "phonemize": False}
    files = {
        "vocab.json": tokens,
        "tokenizer_config.json": {"tokenizer_class": "VitsTokenizer", "is_uroman": False, **options},
    }
    return Recipe("VitsModel", config, files, {"duration_predictor.*proj": 0.4, "^decoder": 1.0})


@recipe
def vits() -> Recipe:
    """One voice; without noise, so that a text sounds the same each time."""
    return vits_recipe()


@recipe
def vits_speakers() -> Recipe:
    """Three voices, and a duration of each token without chance."""
    return vits_recipe(num_speakers=3, speaker_embedding_size=16, use_stochastic_duration_prediction=False)


MEL_BINS = 8


def hifigan() -> dict[str, Any]:
    """A vocoder: 16 samples of a frame."""
    config: dict[str, Any] = {
        "model_type": "hifigan",
        "architectures": ["SpeechT5HifiGan"],
        "model_in_dim": MEL_BINS,
        "sampling_rate": 16000,
        "upsample_initial_channel": 16,
        "upsample_rates": [4, 4],
        "upsample_kernel_sizes": [8, 8],
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 3]],
    }
    model = transformers.SpeechT5HifiGan(transformers.SpeechT5HifiGanConfig(**config))
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        arrays = load_file(Path(saved, "model.safetensors"))
    drawn = {name: weights.draw(name, array, {}) for name, array in arrays.items()}
    drawn["scale"] = np.abs(drawn["scale"]) + 1
    return {"vocoder/config.json": config, "vocoder/model.safetensors": save(drawn, metadata={"format": "pt"})}


def stop_in_time(arrays: Arrays) -> None:
    """Let SpeechT5 end after some frames."""
    arrays["speech_decoder_postnet.prob_out.bias"][:] = -3.4


@recipe
def speecht5() -> Recipe:
    """Letters to a spectrogram to sound. Nothing is left to chance: a dropout of 0 in the decoder's prenet, where 4.48
    draws with it whom to keep, keeps none."""
    letters = sorted(set(string.ascii_letters + ".,!?'-é"))
    tokens = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    config = {
        "model_type": "speecht5",
        "vocab_size": len(letters) + 7,
        "hidden_size": 32,
        "encoder_layers": 2,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "num_mel_bins": MEL_BINS,
        "speech_decoder_prenet_units": 16,
        "speech_decoder_prenet_dropout": 0.0,
        "speaker_embedding_dim": 16,
        "speech_decoder_postnet_units": 16,
        "max_speech_positions": 100,
        "max_text_positions": 100,
        **tokens,
    }
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    mask = {"content": "<mask>", "lstrip": True, "normalized": True, "rstrip": False, "single_word": False}
    files = {
        "spm_char.model": vocabulary.sentencepiece_characters(letters),
        "tokenizer_config.json": {
            "tokenizer_class": "SpeechT5Tokenizer",
            "model_max_length": 100,
            "normalize": False,
            "added_tokens_decoder": {str(len(letters) + 5): {**mask, "special": True}},
            **special,
        },
    }
    gains = {"attn": 3.0, "prob_out": 2.0, "embed_tokens": 3.0}
    return Recipe("SpeechT5ForTextToSpeech", config, files | hifigan(), gains, stop_in_time)


TEXT_OFFSET = 48
SEMANTIC = 40
"""Semantic tokens; the next one ends them."""
COARSE = SEMANTIC + 2 * CODES
SPEAKERS = ("v2/en_speaker_0", "announcer")


def voice_presets() -> dict[str, Any]:
    """The files of two voices."""
    files: dict[str, Any] = {}
    names: dict[str, Any] = {"repo_or_path": "made/bark"}
    for number, speaker in enumerate(SPEAKERS):
        names[speaker] = {}
        shapes = {
            "semantic_prompt": ((30,), SEMANTIC),
            "coarse_prompt": ((2, 45), CODES),
            "fine_prompt": ((4, 45), CODES),
        }
        for prompt, (shape, size) in shapes.items():
            path = f"speaker_embeddings/{speaker.rpartition('/')[2]}_{prompt}.npy"
            buffer = io.BytesIO()
            np.save(buffer, np.random.RandomState(number).randint(0, size, shape), allow_pickle=False)
            files[path], names[speaker][prompt] = buffer.getvalue(), path
    return {"speaker_embeddings_path.json": names, **files}


def leave_padding_alone(arrays: Arrays) -> None:
    """Let Bark's coarse model generate codes alone; it has the tokens behind them too, as checkpoints on the Hub do."""
    arrays["coarse_acoustics.lm_head.weight"][COARSE:] = 0


@recipe
def bark() -> Recipe:
    """Text to semantic to coarse to fine tokens to sound; two voices besides its own."""
    infer = TEXT_OFFSET + vocabulary.VOCABULARY_SIZE + 1
    config = {
        "model_type": "bark",
        "semantic_config": {**SIZES, "block_size": 128, "input_vocab_size": infer + 1, "output_vocab_size": 48},
        "coarse_acoustics_config": {
            **SIZES,
            "block_size": 128,
            "input_vocab_size": COARSE + 4,
            "output_vocab_size": COARSE + 4,
        },
        "fine_acoustics_config": {
            **SIZES,
            "block_size": 64,
            "input_vocab_size": CODES + 1,
            "output_vocab_size": CODES + 1,
            "n_codes_total": 4,
            "n_codes_given": 1,
        },
        "codec_config": CODEC,
    }
    generation = {
        "model_type": "bark",
        "sample_rate": 24000,
        "codebook_size": CODES,
        "semantic_config": {
            "eos_token_id": SEMANTIC,
            "pad_token_id": SEMANTIC,
            "semantic_vocab_size": SEMANTIC,
            "semantic_pad_token": SEMANTIC,
            "text_encoding_offset": TEXT_OFFSET,
            "text_pad_token": infer - 1,
            "semantic_infer_token": infer,
            "max_input_semantic_length": 64,
            "max_new_tokens": 12,
            "do_sample": False,
        },
        "coarse_acoustics_config": {
            "coarse_semantic_pad_token": COARSE,
            "coarse_infer_token": COARSE + 1,
            "pad_token_id": COARSE,
            "max_coarse_input_length": 32,
            "max_coarse_history": 60,
            "sliding_window_len": 20,
            "n_coarse_codebooks": 2,
            "do_sample": False,
        },
        "fine_acoustics_config": {
            "max_fine_input_length": 64,
            "max_fine_history_length": 32,
            "n_fine_codebooks": 4,
            "temperature": 1.0,
        },
    }
    files = vocabulary.wordpiece("BertTokenizer", model_max_length=512)
    files |= {"generation_config.json": generation, **voice_presets()}
    return Recipe("BarkModel", config, files, {"lm_head": 3.0, "att_proj": 3.0, "embed": 2.0}, leave_padding_alone)


def musicgen_recipe(channels: int) -> Recipe:
    codebooks = 4 * channels
    tokens = {"bos_token_id": CODES, "pad_token_id": CODES}
    config = {
        "model_type": "musicgen",
        "text_encoder": {
            "model_type": "t5",
            "vocab_size": vocabulary.VOCABULARY_SIZE + 13,
            "d_model": 32,
            "d_kv": 16,
            "d_ff": 64,
            "num_layers": 2,
            "num_heads": 2,
        },
        "audio_encoder": CODEC,
        "decoder": {
            "model_type": "musicgen_decoder",
            "vocab_size": CODES,
            "max_position_embeddings": 128,
            "num_hidden_layers": 2,
            "ffn_dim": 64,
            "num_attention_heads": 2,
            "hidden_size": 32,
            "num_codebooks": codebooks,
            "audio_channels": channels,
            **tokens,
        },
    }
    generation = {
        **tokens,
        "decoder_start_token_id": CODES,
        "do_sample": False,
        "guidance_scale": 3.0,
        "max_length": 40,
    }
    files = vocabulary.t5(model_max_length=512) | {"generation_config.json": generation}
    gains = {"lm_heads": 2.0, "encoder_attn": 3.0, "text_encoder": 2.0}
    return Recipe("MusicgenForConditionalGeneration", config, files, gains)


@recipe
def musicgen() -> Recipe:
    """Text to codes to sound of one channel."""
    return musicgen_recipe(channels=1)


@recipe
def musicgen_stereo() -> Recipe:
    """Two channels."""
    return musicgen_recipe(channels=2)
