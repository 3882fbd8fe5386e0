"""Checkpoints of image-segmentation."""

from typing import Any

from checkpoints.image_classification import ANIMALS, processor
from checkpoints.object_detection import BACKBONE, detr_config
from checkpoints.object_detection import processor as detr_processor
from checkpoints.recipe import Recipe, label_maps, recipe

LEVELS = {**BACKBONE, "out_features": ["stage1", "stage2", "stage3", "stage4"]}


def former_processor(image_processor: str, **settings: Any) -> dict[str, Any]:
    """A preprocessor_config.json of MaskFormer and Mask2Former: sides become multiples of 32, by padding."""
    return {
        "preprocessor_config.json": {
            "image_processor_type": image_processor,
            "do_resize": True,
            "size": {"shortest_edge": 48, "longest_edge": 80},
            "size_divisor": 32,
            "do_rescale": True,
            "do_normalize": True,
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225],
            "ignore_index": 255,
            "do_reduce_labels": False,
            **settings,
        }
    }


@recipe
def segformer() -> Recipe:
    """Semantic alone: a class for each pixel."""
    config = {
        "model_type": "segformer",
        "num_encoder_blocks": 4,
        "depths": [1, 1, 1, 1],
        "hidden_sizes": [8, 16, 16, 24],
        "num_attention_heads": [1, 1, 2, 2],
        "decoder_hidden_size": 16,
        **label_maps(ANIMALS),
    }
    files = processor("SegformerImageProcessor", {"height": 64, "width": 64}, do_reduce_labels=False)
    return Recipe("SegformerForSemanticSegmentation", config, files, {"decode_head.classifier": 4.0})


@recipe
def mask2former() -> Recipe:
    """Masks and their classes; panoptic, instance and semantic."""
    config = {
        "model_type": "mask2former",
        "backbone_config": LEVELS,
        "use_pretrained_backbone": False,
        "feature_size": 32,
        "mask_feature_size": 32,
        "hidden_dim": 32,
        "encoder_feedforward_dim": 32,
        "encoder_layers": 1,
        "decoder_layers": 3,
        "num_attention_heads": 2,
        "dim_feedforward": 32,
        "num_queries": 10,
        **label_maps(ANIMALS[:4]),
    }
    files = former_processor("Mask2FormerImageProcessor")
    return Recipe("Mask2FormerForUniversalSegmentation", config, files, {"class_predictor": 8.0, "mask_embedder": 2.0})


@recipe
def maskformer() -> Recipe:
    """Masks and their classes, on a DETR decoder."""
    decoder = detr_config()
    config = {
        "model_type": "maskformer",
        "backbone_config": LEVELS,
        "use_pretrained_backbone": False,
        "decoder_config": {**decoder, "num_queries": 8},
        "fpn_feature_size": 32,
        "mask_feature_size": 32,
        **label_maps(ANIMALS[:4]),
    }
    files = former_processor("MaskFormerImageProcessor")
    return Recipe("MaskFormerForInstanceSegmentation", config, files, {"class_predictor": 8.0, "mask_embedder": 2.0})


@recipe
def detr() -> Recipe:
    """Boxes with masks; panoptic."""
    config = detr_config(
        d_model=64, encoder_attention_heads=8, decoder_attention_heads=8, backbone_config=LEVELS, **label_maps(ANIMALS)
    )
    files = detr_processor("DetrImageProcessor", 64, 100)
    gains = {"class_labels": 8.0, "mask_head.out_lay": 8.0}
    return Recipe("DetrForSegmentation", config, files, gains)
