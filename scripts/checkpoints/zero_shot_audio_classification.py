"""Checkpoints of zero-shot-audio-classification: CLAP, whose two kinds take other parts of audio and other paths."""

from typing import Any

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, recipe


def clap(fusion: bool, **extractor: Any) -> Recipe:
    """A CLAP that takes 2 s of sound."""
    files = vocabulary.roberta(model_max_length=48)
    text = {
        "model_type": "clap_text_model",
        **encoders.SIZES,
        "vocab_size": len(vocabulary.ids(files)),
        "max_position_embeddings": 50,
        "type_vocab_size": 1,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    audio = {
        "model_type": "clap_audio_model",
        "depths": [2, 2],
        "num_attention_heads": [2, 4],
        "patch_embeds_hidden_size": 16,
        "hidden_size": 32,
        "num_mel_bins": 64,
        "spec_size": 128,
        "window_size": 8,
        "enable_fusion": fusion,
        "num_classes": 8,
    }
    config = {"model_type": "clap", "text_config": text, "audio_config": audio, "projection_dim": 24}
    files["preprocessor_config.json"] = {
        "feature_extractor_type": "ClapFeatureExtractor",
        "processor_class": "ClapProcessor",
        "feature_size": 64,
        "fft_window_size": 1024,
        "frequency_max": 14000,
        "frequency_min": 50,
        "hop_length": 480,
        "max_length_s": 2,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
        "sampling_rate": 48000,
        "top_db": None,
        **extractor,
    }
    return Recipe("ClapModel", config, files, {"projection": 3.0, "query|key": 3.0})


@recipe
def fused() -> Recipe:
    """Hears longer audio squeezed, and three parts of it."""
    return clap(fusion=True, truncation="fusion", padding="repeatpad")


@recipe
def unfused() -> Recipe:
    """Hears a part of longer audio; silence follows shorter audio, which the other one repeats."""
    return clap(fusion=False, truncation="rand_trunc", padding="pad")
