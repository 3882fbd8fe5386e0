"""Which checkpoints a task can serve, by their config.json: the architectures that its Auto classes know."""

from __future__ import annotations

from typing import Any

from installing.errors import InstallError

CLASSES = {
    "text_classification": ("SEQUENCE_CLASSIFICATION",),
    "token_classification": ("TOKEN_CLASSIFICATION",),
    "question_answering": ("QUESTION_ANSWERING",),
    "table_question_answering": ("TABLE_QUESTION_ANSWERING", "SEQ_TO_SEQ_CAUSAL_LM"),
    "fill_mask": ("MASKED_LM",),
    "feature_extraction": ("",),
    "zero_shot_classification": ("SEQUENCE_CLASSIFICATION",),
    "image_classification": ("IMAGE_CLASSIFICATION",),
    "image_feature_extraction": ("",),
    "object_detection": ("OBJECT_DETECTION",),
    "image_segmentation": (
        "IMAGE_SEGMENTATION",
        "SEMANTIC_SEGMENTATION",
        "INSTANCE_SEGMENTATION",
        "UNIVERSAL_SEGMENTATION",
    ),
    "mask_generation": ("MASK_GENERATION",),
    "video_classification": ("VIDEO_CLASSIFICATION",),
    "zero_shot_image_classification": ("ZERO_SHOT_IMAGE_CLASSIFICATION",),
    "zero_shot_object_detection": ("ZERO_SHOT_OBJECT_DETECTION",),
    "depth_estimation": ("DEPTH_ESTIMATION",),
    "image_to_image": ("IMAGE_TO_IMAGE",),
    "audio_classification": ("AUDIO_CLASSIFICATION",),
    "automatic_speech_recognition": ("CTC", "SPEECH_SEQ_2_SEQ"),
    "text_to_audio": ("TEXT_TO_WAVEFORM", "TEXT_TO_SPECTROGRAM"),
    "zero_shot_audio_classification": (),
    "text_generation": ("CAUSAL_LM",),
    "summarization": ("SEQ_TO_SEQ_CAUSAL_LM",),
    "translation": ("SEQ_TO_SEQ_CAUSAL_LM",),
    "text2text_generation": ("SEQ_TO_SEQ_CAUSAL_LM",),
    "visual_question_answering": ("VISUAL_QUESTION_ANSWERING",),
    "document_question_answering": ("DOCUMENT_QUESTION_ANSWERING",),
    "image_to_text": ("IMAGE_TEXT_TO_TEXT",),
    "image_text_to_text": ("IMAGE_TEXT_TO_TEXT",),
}
"""The Auto classes of each task's pipeline (SUPPORTED_TASKS of transformers 4.48), as MODEL_FOR_..._MAPPING_NAMES.
"" is MODEL_MAPPING_NAMES: models without a head, which take every architecture of a model type that they know."""

BESIDES = {
    "object_detection": {
        "layoutlmv3": ("LayoutLMv3ForTokenClassification",),
        "lilt": ("LiltForTokenClassification",),
    },
    "zero_shot_audio_classification": {"clap": ("ClapModel",)},
    "document_question_answering": {"vision-encoder-decoder": ("VisionEncoderDecoderModel",)},
}
"""What a task serves besides: models that label the words of a document give boxes too, and CLAP alone, of all that
AutoModel loads, compares texts with audio. Donut writes answers to questions about documents."""

ONLY = {
    "text_to_audio": ("bark", "musicgen", "speecht5", "vits"),
    "image_to_text": ("blip", "git", "pix2struct", "vision-encoder-decoder"),
    "visual_question_answering": ("blip", "vilt"),
    "document_question_answering": ("layoutlm", "layoutlmv3", "vision-encoder-decoder"),
}
"""The model types that a task serves where it does not serve all that its Auto classes know."""

WITH_TEXTS = (
    "align", "altclip", "blip", "blip-2", "bridgetower", "chinese_clip", "clip", "clipseg", "flava", "grounding-dino",
    "groupvit", "metaclip_2", "mm-grounding-dino", "omdet-turbo", "owlv2", "owlvit", "siglip", "siglip2", "vilt",
    "vision-text-dual-encoder", "xclip",
)  # fmt: skip
"""Model types that look at pictures beside texts."""

WITH_DECODER_TEXTS = (
    "blenderbot", "blenderbot-small", "longt5", "m2m_100", "marian", "mt5", "nllb-moe", "pegasus", "pegasus_x",
    "prophetnet", "switch_transformers", "t5", "umt5",
)  # fmt: skip
"""Model types of encoders with decoders that make no text for their decoder out of the one that they read."""

TEXT_TASKS = (
    "text_classification", "token_classification", "question_answering", "fill_mask", "feature_extraction",
    "zero_shot_classification",
)  # fmt: skip
"""Tasks whose models are given a text, or a pair, and nothing else."""

BESIDES_TEXTS = {
    "bros": "it needs boxes of the words too",
    "layoutlmv2": "it needs boxes of the words too",
    "udop": "it needs boxes of the words too",
    "lxmert": "it needs pictures too",
    "tapas": "it reads tables: table-question-answering does",
}
"""What model types need that some tasks of texts know."""

TORCHVISION = {
    "image_classification": ("pp_lcnet",),
    "image_feature_extraction": ("dinov3_convnext", "dinov3_vit"),
    "object_detection": (
        "pp_doclayout_v2", "pp_doclayout_v3", "pp_doclayout_v4", "pp_ocrv5_mobile_det", "pp_ocrv5_server_det",
        "pp_ocrv6_medium_det", "pp_ocrv6_small_det", "rf_detr",
    ),
    "image_segmentation": ("rf_detr", "sapiens2", "tipsv2_dpt"),
    "depth_estimation": ("chmv2", "depth_pro", "tipsv2_dpt"),
    "mask_generation": ("edgetam", "edgetam_video", "sam2", "sam2_video", "sam3_tracker", "sam3_video"),
    "video_classification": ("videoprism_vision_model", "vjepa2"),
    "zero_shot_image_classification": ("tipsv2",),
}  # fmt: skip
"""Model types, of transformers 5, whose image or video processors need torchvision."""

REASONS = {
    ("fill_mask", "luke"): "transformers 5 does not tie its head, so that random weights would answer",
    **{(task, model_type): reason for task in TEXT_TASKS for model_type, reason in BESIDES_TEXTS.items()},
    **{
        ("feature_extraction", model_type): "it needs pictures too; its text model, saved by itself, may be taken"
        for model_type in WITH_TEXTS
        if model_type != "flava"
    },
    **{("feature_extraction", model_type): "its decoder needs a text too" for model_type in WITH_DECODER_TEXTS},
    ("document_question_answering", "layoutlmv2"): "LayoutLMv2 and LayoutXLM need detectron2, which is not here",
    ("text_generation", "dbrx"): "transformers 5 does not know where it keeps the settings of its positions",
    **{
        (task, model_type): "its processor needs torchvision, which is not here"
        for task, model_types in TORCHVISION.items()
        for model_type in model_types
    },
    **{
        (task, "siglip2"): "its pictures come as rows of patches (NaFlex)"
        for task in ("image_classification", "zero_shot_image_classification")
    },
    **{(task, "timm_wrapper"): "it needs timm" for task in ("image_classification", "image_feature_extraction")},
    ("image_classification", "shieldgemma2"): "it is asked in words",
    ("mask_generation", "sam_hq"): "it needs more of a picture than its embedding",
    ("image_segmentation", "data2vec-vision"): "transformers 5 does not find the weights of its head",
    ("zero_shot_image_classification", "videoprism"): "it looks at videos",
    ("image_segmentation", "videomt"): "it looks at videos",
    ("zero_shot_object_detection", "omdet-turbo"): "it is asked for all labels at once, in a sentence about them",
    **{
        (task, "imagegpt"): "its image processor makes numbers of colours, not pixels"
        for task in ("image_classification", "image_feature_extraction")
    },
    **{
        ("image_feature_extraction", model_type): "it needs texts too; its vision model, saved by itself, is taken"
        for model_type in WITH_TEXTS
    },
    **{
        ("image_feature_extraction", model_type): "it looks at videos"
        for model_type in ("timesformer", "videomae", "vivit", "vjepa2")
    },
    **{
        ("image_text_to_text", model_type): "image-to-text does"
        for model_type in ("blip", "git", "pix2struct", "vision-encoder-decoder")
    },
    **{
        ("image_text_to_text", model_type): "its decoder does not go on with the prompt"
        for model_type in ("blip-2", "florence2", "instructblip", "kosmos-2", "kosmos-2.5", "udop")
    },
}
"""Why a task does not serve a model type that its Auto classes know."""

ENCODERS = {"document_question_answering": ("donut-swin",)}
"""The encoders of a vision-encoder-decoder that a task serves, where not all."""

FAMILIAR = (
    "bert", "distilbert", "roberta", "xlm-roberta", "deberta-v2", "albert", "bart", "gpt2", "llama", "mistral", "qwen2",
    "t5", "whisper", "wav2vec2", "hubert", "audio-spectrogram-transformer", "clap", "vit", "convnext", "resnet", "swin",
    "dinov2", "detr", "yolos", "rt_detr", "dpt", "glpn", "depth_anything", "swin2sr",
    "segformer", "maskformer", "mask2former", "videomae", "timesformer", "vivit", "clip", "siglip", "owlvit", "owlv2",
    "grounding-dino", "sam", "oneformer", "layoutlm", "layoutlmv3", "vision-encoder-decoder", "tapas",
    "llava", "llava_onevision", "qwen2_vl", "idefics3", "smolvlm", "blip", "git", "pix2struct", "vilt",
)  # fmt: skip
SHOWN = 12


class ArchitectureError(InstallError):
    """The task cannot serve the checkpoint; the message says which it can."""


def check(task: str, config: dict[str, Any], remote_code: bool = False) -> None:
    """ArchitectureError unless the task's Auto classes load this config.json with a trained head.

    Args:
        remote_code: the checkpoint brings its own code, and the caller trusts it: nothing is known of its classes.
    """
    known = architectures(task)
    model_type, names = config.get("model_type"), config.get("architectures") or []
    if remote_code or (not model_type and set(names) & _all_names(known)):
        return
    if model_type not in known:
        reason = f" ({why})" if (why := REASONS.get((task, str(model_type)))) else ""
        raise ArchitectureError(
            f"{_id(task)} takes no model of type {model_type!r}{reason}; "
            f"it takes {len(known)} types, among them {', '.join(_examples(known))}"
        )
    if model_type == "mvp" and config.get("use_prompt"):
        raise ArchitectureError(f"{_id(task)} takes no MVP with prompts (use_prompt): transformers 5 leaves them out")
    if positions := _relative_positions(config):
        raise ArchitectureError(
            f"{_id(task)} takes no {model_type} with relative positions (position_embedding_type={positions!r}): "
            "transformers 5 leaves them out"
        )
    encoder = config.get("encoder", {}).get("model_type")
    if model_type == "vision-encoder-decoder" and encoder not in (encoders := ENCODERS.get(task, (encoder,))):
        raise ArchitectureError(
            f"{_id(task)} takes a vision-encoder-decoder whose encoder is {' or '.join(encoders)}, not {encoder}"
        )
    if "" in CLASSES[task] or not names:
        return
    if not set(names) & (_all_names(known) | _trained_with_head(task, names)):
        raise ArchitectureError(
            f"{_id(task)} needs {' or '.join(known[model_type])}; the checkpoint is {', '.join(names)}, "
            "so the task's head would have random weights"
        )


def architectures(task: str) -> dict[str, tuple[str, ...]]:
    """model_type -> the architectures that the task loads for it."""
    from transformers.models.auto import modeling_auto

    known: dict[str, tuple[str, ...]] = {}
    for name in CLASSES[task]:
        mapping = getattr(modeling_auto, f"MODEL_FOR_{name}_MAPPING_NAMES" if name else "MODEL_MAPPING_NAMES")
        for model_type, classes in mapping.items():
            classes = (classes,) if isinstance(classes, str) else tuple(classes)
            known[model_type] = known.get(model_type, ()) + classes
    for model_type, classes in BESIDES.get(task, {}).items():
        known[model_type] = known.get(model_type, ()) + classes
    served = ONLY.get(task, known)
    return {
        model_type: classes
        for model_type, classes in known.items()
        if model_type in served and (task, model_type) not in REASONS
    }


def is_native(config: dict[str, Any]) -> bool:
    """Whether transformers itself has the model type, so that code in the checkpoint is not needed."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return config.get("model_type") in CONFIG_MAPPING_NAMES


def _relative_positions(config: dict[str, Any]) -> str | None:
    """The kind of relative positions that BERT and its like were trained with, here or in a config inside."""
    if (kind := str(config.get("position_embedding_type"))).startswith("relative_key"):
        return kind
    return next(filter(None, (_relative_positions(part) for part in config.values() if isinstance(part, dict))), None)


def _all_names(known: dict[str, tuple[str, ...]]) -> set[str]:
    return {name for names in known.values() for name in names}


def _trained_with_head(task: str, names: list[str]) -> set[str]:
    """Pretraining checkpoints hold the masked language model's head: BertForPreTraining as BertForMaskedLM. ELECTRA's
    and Funnel's tell right tokens from wrong ones."""
    found = {name for name in names if task == "fill_mask" and name.endswith("ForPreTraining")}
    return found - {"ElectraForPreTraining", "FunnelForPreTraining"}


def _examples(known: dict[str, tuple[str, ...]]) -> list[str]:
    """The types that people know first."""
    return [*(name for name in FAMILIAR if name in known), *sorted(known.keys() - set(FAMILIAR))][:SHOWN]


def _id(task: str) -> str:
    return task.replace("_", "-")
