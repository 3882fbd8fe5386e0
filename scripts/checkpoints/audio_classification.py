"""Checkpoints of audio-classification."""

from checkpoints.automatic_speech_recognition import samples, wav2vec2_config
from checkpoints.recipe import Recipe, label_maps, recipe

SOUNDS = ["speech", "music", "rain", "dog", "bell", "engine", "silence"]
SIZES = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
HEAD = {"layer_weights": 10.0, "projector": 2.0, "classifier": 6.0}


@recipe
def wav2vec2() -> Recipe:
    """A group norm over time, so nothing is padded; all layers are weighed in, as in SUPERB's checkpoints."""
    labels = {**label_maps(SOUNDS), "classifier_proj_size": 24, "use_weighted_layer_sum": True}
    files = samples(return_attention_mask=False)
    return Recipe("Wav2Vec2ForSequenceClassification", wav2vec2_config("wav2vec2", **labels), files, HEAD)


@recipe
def hubert() -> Recipe:
    """Layer norms in the convolutions, and an attention mask: rows are padded; several answers at once."""
    norms = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
    labels = {
        **label_maps(SOUNDS[:4]),
        "classifier_proj_size": 24,
        "problem_type": "multi_label_classification",
    }
    files = samples(return_attention_mask=True)
    config = wav2vec2_config("hubert", **norms, **labels)
    return Recipe("HubertForSequenceClassification", config, files, {"classifier": 4.0})


@recipe
def ast() -> Recipe:
    """A spectrogram of 2.6 s in patches that overlap."""
    window = {"num_mel_bins": 64, "max_length": 256}
    patches = {"patch_size": 16, "frequency_stride": 12, "time_stride": 12}
    config = {"model_type": "audio-spectrogram-transformer", **SIZES, **window, **patches, **label_maps(SOUNDS)}
    extractor = {
        "feature_extractor_type": "ASTFeatureExtractor",
        "do_normalize": True,
        "feature_size": 1,
        "mean": -4.2677393,
        "std": 4.5689974,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
        "sampling_rate": 16000,
        **window,
    }
    files = {"preprocessor_config.json": extractor}
    return Recipe("ASTForAudioClassification", config, files, {"classifier.dense": 4.0, "query|key": 3.0})


@recipe
def whisper() -> Recipe:
    """Whisper's encoder, which hears 30 s; all its layers are weighed in."""
    config = {
        "model_type": "whisper",
        "d_model": 48,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 96,
        "decoder_ffn_dim": 96,
        "num_hidden_layers": 2,
        "use_weighted_layer_sum": True,
        "classifier_proj_size": 24,
        **label_maps(SOUNDS),
    }
    extractor = {
        "chunk_length": 30,
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": 80,
        "hop_length": 160,
        "n_fft": 400,
        "n_samples": 480000,
        "nb_max_frames": 3000,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
        "sampling_rate": 16000,
    }
    files = {"preprocessor_config.json": extractor}
    return Recipe("WhisperForAudioClassification", config, files, {**HEAD, "attn|fc": 2.0, "classifier": 3.0})
