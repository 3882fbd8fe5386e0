"""Checkpoints of audio-classification."""

from checkpoints import encoders
from checkpoints.automatic_speech_recognition import LAYER_NORMS, log_mel, samples, wav2vec2_config
from checkpoints.recipe import Recipe, label_maps, recipe

SOUNDS = ["speech", "music", "rain", "dog", "bell", "engine", "silence"]
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
    labels = {
        **label_maps(SOUNDS[:4]),
        "classifier_proj_size": 24,
        "problem_type": "multi_label_classification",
    }
    files = samples(return_attention_mask=True)
    config = wav2vec2_config("hubert", **LAYER_NORMS, **labels)
    return Recipe("HubertForSequenceClassification", config, files, {"classifier": 4.0})


@recipe
def ast() -> Recipe:
    """A spectrogram of 2.6 s in patches that overlap."""
    window = {"num_mel_bins": 64, "max_length": 256}
    patches = {"patch_size": 16, "frequency_stride": 12, "time_stride": 12}
    config = {
        "model_type": "audio-spectrogram-transformer",
        **encoders.SIZES,
        **window,
        **patches,
        **label_maps(SOUNDS),
    }
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
        **encoders.SIZES_WITH_DECODER,
        "num_hidden_layers": 2,
        "use_weighted_layer_sum": True,
        "classifier_proj_size": 24,
        **label_maps(SOUNDS),
    }
    return Recipe("WhisperForAudioClassification", config, log_mel(), {**HEAD, "attn|fc": 2.0, "classifier": 3.0})
