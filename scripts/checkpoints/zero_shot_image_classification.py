"""Checkpoints of zero-shot-image-classification."""

from typing import Any

from checkpoints import encoders, vocabulary
from checkpoints.image_classification import processor, vit_config
from checkpoints.recipe import Files, Recipe, recipe

MASKED = ["input_ids", "attention_mask"]


def words(**settings: Any) -> Files:
    """A tokenizer of word pieces, for texts of at most 32 tokens."""
    return vocabulary.wordpiece("BertTokenizer", model_max_length=32, **settings)


def text_config(files: Files, model_type: str) -> dict[str, Any]:
    """The part of a config.json that is about texts, for this tokenizer."""
    ids = vocabulary.ids(files)
    return {
        "model_type": model_type,
        **encoders.SIZES,
        "vocab_size": len(ids),
        "max_position_embeddings": 32,
        "bos_token_id": ids["[CLS]"],
        "eos_token_id": ids["[SEP]"],
        "pad_token_id": ids["[PAD]"],
    }


@recipe
def clip() -> Recipe:
    """Vectors of a text and an image; labels against each other."""
    files = words(model_input_names=MASKED) | processor(
        "CLIPImageProcessor", {"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    parts = {
        "text_config": text_config(files, "clip_text_model"),
        "vision_config": vit_config(model_type="clip_vision_model"),
    }
    config = {"model_type": "clip", **parts, "projection_dim": 24, "logit_scale_init_value": 2.0}
    return Recipe("CLIPModel", config, files, {"projection": 3.0})


@recipe
def siglip() -> Recipe:
    """Each label by itself; texts are filled up to their full length."""
    files = words(model_input_names=["input_ids"]) | processor("SiglipImageProcessor", {"height": 32, "width": 32})
    parts = {
        "text_config": text_config(files, "siglip_text_model"),
        "vision_config": vit_config(model_type="siglip_vision_model"),
    }
    config = {"model_type": "siglip", **parts}
    return Recipe("SiglipModel", config, files, {"head": 3.0})


@recipe
def chinese_clip() -> Recipe:
    """Texts through a BERT."""
    files = words() | processor("ChineseCLIPImageProcessor", {"height": 32, "width": 32}, do_center_crop=False)
    parts = {
        "text_config": text_config(files, "chinese_clip_text_model"),
        "vision_config": vit_config(model_type="chinese_clip_vision_model"),
    }
    config = {"model_type": "chinese_clip", **parts, "projection_dim": 24, "logit_scale_init_value": 2.0}
    return Recipe("ChineseCLIPModel", config, files, {"projection": 3.0})
