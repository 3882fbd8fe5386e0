"""Checkpoints of object-detection."""

from typing import Any

from checkpoints import vocabulary
from checkpoints.document_question_answering import layoutlmv3_config, layoutlmv3_processor
from checkpoints.image_classification import ANIMALS, vit_config
from checkpoints.recipe import Recipe, label_maps, recipe

BACKBONE = {
    "model_type": "resnet",
    "embedding_size": 8,
    "hidden_sizes": [8, 12, 16, 24],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
    "out_features": ["stage4"],
}
"""A small ResNet."""


def detr_config(**more: Any) -> dict[str, Any]:
    """DETR on a small ResNet."""
    return {
        "model_type": "detr",
        "use_timm_backbone": False,
        "use_pretrained_backbone": False,
        "backbone": None,
        "backbone_config": BACKBONE,
        "d_model": 32,
        "encoder_layers": 1,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "num_queries": 12,
        **more,
    }


def processor(image_processor: str, shortest: int, longest: int, **settings: Any) -> dict[str, Any]:
    """A preprocessor_config.json of the DETR family."""
    return {
        "preprocessor_config.json": {
            "image_processor_type": image_processor,
            "format": "coco_detection",
            "do_resize": True,
            "size": {"shortest_edge": shortest, "longest_edge": longest},
            "do_normalize": True,
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225],
            **settings,
        }
    }


@recipe
def detr() -> Recipe:
    """Convolutions and a transformer; pictures keep their proportions."""
    config = detr_config(**label_maps(ANIMALS))
    return Recipe("DetrForObjectDetection", config, processor("DetrImageProcessor", 64, 100), {"class_labels": 6.0})


@recipe
def yolos() -> Recipe:
    """A transformer of patches and detection tokens."""
    config = {**vit_config(), "model_type": "yolos", "image_size": [64, 96], "num_detection_tokens": 10}
    config |= {"use_mid_position_embeddings": False, **label_maps(ANIMALS[:4])}
    files = processor("YolosImageProcessor", 64, 96)
    return Recipe("YolosForObjectDetection", config, files, {"class_labels": 6.0})


@recipe
def layoutlmv3() -> Recipe:
    """Labels the words of a document, which Tesseract reads."""
    config = layoutlmv3_config(pad_token_id=1, **label_maps(ANIMALS))
    files = vocabulary.roberta("LayoutLMv3Tokenizer") | {"preprocessor_config.json": layoutlmv3_processor()}
    return Recipe("LayoutLMv3ForTokenClassification", config, files, {"classifier": 6.0})


@recipe
def rt_detr() -> Recipe:
    """Scores of each label by itself, the best of all boxes and labels first; pictures are stretched to a square."""
    config = {
        "model_type": "rt_detr",
        "use_timm_backbone": False,
        "use_pretrained_backbone": False,
        "backbone": None,
        "backbone_config": {
            "model_type": "rt_detr_resnet",
            "embedding_size": 8,
            "hidden_sizes": [8, 12, 16, 24],
            "depths": [1, 1, 1, 1],
            "layer_type": "basic",
            "out_features": ["stage2", "stage3", "stage4"],
        },
        "encoder_hidden_dim": 16,
        "encoder_in_channels": [12, 16, 24],
        "encoder_ffn_dim": 32,
        "encoder_attention_heads": 2,
        "d_model": 16,
        "num_queries": 12,
        "decoder_in_channels": [16, 16, 16],
        "decoder_ffn_dim": 32,
        "decoder_layers": 2,
        "decoder_attention_heads": 2,
        "anchor_image_size": None,
        **label_maps(ANIMALS[:3]),
    }
    files = processor("RTDetrImageProcessor", 64, 64, do_normalize=False)
    files["preprocessor_config.json"] |= {"size": {"height": 64, "width": 64}, "do_pad": False}
    return Recipe("RTDetrForObjectDetection", config, files, {"class_embed": 3.0, "enc_score_head": 3.0})
