"""Checkpoints of image-segmentation."""

from typing import Any

from checkpoints import vocabulary
from checkpoints.image_classification import ANIMALS, processor
from checkpoints.object_detection import BACKBONE, detr_config
from checkpoints.object_detection import processor as detr_processor
from checkpoints.recipe import Recipe, label_maps, recipe
from checkpoints.weights import Arrays

LEVELS = {**BACKBONE, "out_features": ["stage1", "stage2", "stage3", "stage4"]}
# Queries that look at different things: else they all find the same.
SHARP = {r"decoder.*[qk]_proj": 4.0, "quer": 6.0}


def former_processor(image_processor: str, **settings: Any) -> dict[str, Any]:
    """A preprocessor_config.json of MaskFormer and its like, whose sides become multiples of 32."""
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
def beit() -> Recipe:
    """Semantic, on a pyramid of features. Its image processor is called as it was in 2022."""
    config = {
        "model_type": "beit",
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "image_size": 64,
        "patch_size": 16,
        "out_indices": [1, 2, 3, 4],
        "pool_scales": [1, 2],
        "use_relative_position_bias": True,
        "use_auxiliary_head": False,
        **label_maps(ANIMALS[:4]),
    }
    files = processor("BeitFeatureExtractor", {"height": 64, "width": 64}, do_center_crop=False)
    return Recipe("BeitForSemanticSegmentation", config, files, {"decode_head.classifier": 4.0})


@recipe
def mobilevit() -> Recipe:
    """Semantic, of the middle of a picture, whose channels are turned round."""
    config = {
        "model_type": "mobilevit",
        "image_size": 64,
        "hidden_sizes": [24, 32, 40],
        "neck_hidden_sizes": [8, 8, 12, 16, 20, 24, 32],
        "num_attention_heads": 2,
        "expand_ratio": 2.0,
        "aspp_out_channels": 16,
        "atrous_rates": [1, 2, 3],
        "output_stride": 8,
        **label_maps(ANIMALS[:4]),
    }
    files = {
        "preprocessor_config.json": {
            "image_processor_type": "MobileViTImageProcessor",
            "size": {"shortest_edge": 72},
            "crop_size": {"height": 64, "width": 64},
            "do_center_crop": True,
            "do_flip_channel_order": True,
        }
    }

    def adjust(arrays: Arrays) -> None:
        """Features are positive: one class would win everywhere."""
        weight = arrays["segmentation_head.classifier.convolution.weight"]
        weight -= weight.mean(axis=1, keepdims=True)

    gains = {"segmentation_head.classifier": 4.0, "convs.4": 0.3}
    return Recipe("MobileViTForSemanticSegmentation", config, files, gains, adjust)


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
    gains = {**SHARP, "class_predictor": 2.5, "mask_embedder": 0.8}
    return Recipe("Mask2FormerForUniversalSegmentation", config, files, gains)


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
    gains = {**SHARP, "class_predictor": 2.0, "mask_embedder": 0.8}

    def adjust(arrays: Arrays) -> None:
        """Less often nothing."""
        arrays["class_predictor.bias"][-1] -= 4

    return Recipe("MaskFormerForInstanceSegmentation", config, files, gains, adjust)


@recipe
def oneformer() -> Recipe:
    """One model for the three subtasks, which it is told in words. Sides are no multiples of anything."""
    files = vocabulary.wordpiece("BertTokenizer", model_max_length=24)
    config = {
        "model_type": "oneformer",
        "backbone_config": {
            "model_type": "swin",
            "image_size": 64,
            "patch_size": 4,
            "embed_dim": 8,
            "depths": [1, 1, 1, 1],
            "num_heads": [1, 1, 2, 2],
            "window_size": 4,
            "out_features": ["stage1", "stage2", "stage3", "stage4"],
        },
        "use_pretrained_backbone": False,
        "conv_dim": 32,
        "mask_dim": 32,
        "hidden_dim": 32,
        "encoder_feedforward_dim": 32,
        "encoder_layers": 1,
        "dim_feedforward": 32,
        "decoder_layers": 3,
        "num_attention_heads": 2,
        "query_dec_layers": 1,
        "num_queries": 10,
        "task_seq_len": 24,
        "max_seq_len": 24,
        "text_encoder_width": 32,
        "text_encoder_context_length": 24,
        "text_encoder_num_layers": 1,
        **label_maps(ANIMALS[:4]),
    }
    files |= former_processor(
        "OneFormerImageProcessor",
        size={"shortest_edge": 48, "longest_edge": 70},
        num_text=6,
        # 4.48 looks for the file where it runs, in the root of the repository; serving does without.
        repo_path=".checkpoints/image_segmentation_oneformer",
        class_info_file="class_info.json",
    )
    files["class_info.json"] = {
        str(index): {"name": name, "isthing": index % 2} for index, name in enumerate(ANIMALS[:4])
    }
    # Words come as numbers of up to a thousand.
    gains = {**SHARP, r"task_encoder.*layers\.0\.0": 0.01, "class_embed": 4.0}
    return Recipe("OneFormerForUniversalSegmentation", config, files, gains)


@recipe
def detr() -> Recipe:
    """Boxes with masks; panoptic and instance are the same, and semantic."""
    config = detr_config(
        d_model=64, encoder_attention_heads=8, decoder_attention_heads=8, backbone_config=LEVELS, **label_maps(ANIMALS)
    )
    files = detr_processor("DetrImageProcessor", 64, 100)
    gains = {**SHARP, "bbox_attention": 4.0, "class_labels": 2.5, "mask_head.out_lay": 6.0, "mask_head.adapter": 0.08}

    def adjust(arrays: Arrays) -> None:
        """What a query looks at is shares of the picture, which weigh little beside the picture's features."""
        arrays["mask_head.lay1.weight"][:, 64:] *= 300

    return Recipe("DetrForSegmentation", config, files, gains, adjust)
