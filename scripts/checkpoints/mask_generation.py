"""Checkpoints of mask-generation: SAM alone serves this task in 4.48; its two recipes run different encoders of it."""

from typing import Any

from checkpoints.recipe import Files, Recipe, recipe


def config(**vision: Any) -> dict[str, Any]:
    """SAM on pictures of 64 pixels."""
    return {
        "model_type": "sam",
        "vision_config": {
            "hidden_size": 32,
            "output_channels": 16,
            "num_pos_feats": 8,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 8,
            "mlp_dim": 64,
            "window_size": 4,
            "global_attn_indexes": [1],
            **vision,
        },
        "prompt_encoder_config": {"hidden_size": 16, "image_size": 64, "patch_size": 8, "mask_input_channels": 4},
        "mask_decoder_config": {
            "hidden_size": 16,
            "mlp_dim": 32,
            "num_attention_heads": 2,
            "iou_head_depth": 3,
            "iou_head_hidden_dim": 16,
        },
    }


def processor() -> Files:
    return {
        "preprocessor_config.json": {
            "image_processor_type": "SamImageProcessor",
            "do_convert_rgb": True,
            "do_resize": True,
            "size": {"longest_edge": 64},
            "do_pad": True,
            "pad_size": {"height": 64, "width": 64},
            "do_rescale": True,
            "do_normalize": True,
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225],
        }
    }


GAINS = {"iou_prediction_head": 1.5, "output_hypernetworks_mlps": 8.0, "shared_image_embedding": 0.3}


@recipe
def sam() -> Recipe:
    """Attention in windows and over all, with relative positions."""
    return Recipe("SamModel", config(), processor(), GAINS)


@recipe
def sam_plain() -> Recipe:
    """Attention over all, with absolute positions alone."""
    vision = {"use_rel_pos": False, "window_size": 0, "global_attn_indexes": [0, 1], "qkv_bias": False}
    return Recipe("SamModel", config(**vision), processor(), GAINS)
