"""Checkpoints of depth-estimation."""

from checkpoints.image_classification import processor, vit_config
from checkpoints.recipe import Recipe, recipe


@recipe
def dpt() -> Recipe:
    """Layers of a transformer put together; the sides of a picture become multiples of 8, its proportions stay."""
    sizes = {"neck_hidden_sizes": [16, 24, 32, 40], "fusion_hidden_size": 16, "reassemble_factors": [4, 2, 1, 0.5]}
    config = {
        **vit_config(num_hidden_layers=4),
        "model_type": "dpt",
        "backbone_out_indices": [0, 1, 2, 3],
        "is_hybrid": False,
        **sizes,
    }
    size = {"height": 32, "width": 32}
    return Recipe("DPTForDepthEstimation", config, processor("DPTImageProcessor", size))


@recipe
def glpn() -> Recipe:
    """A hierarchical transformer; pictures are cut to multiples of 32 and keep their size."""
    config = {
        "model_type": "glpn",
        "num_encoder_blocks": 4,
        "depths": [1, 1, 1, 1],
        "hidden_sizes": [16, 16, 24, 32],
        "num_attention_heads": [1, 1, 2, 2],
        "decoder_hidden_size": 16,
        "max_depth": 10,
    }
    files = {
        "preprocessor_config.json": {
            "image_processor_type": "GLPNImageProcessor",
            "do_rescale": True,
            "do_resize": True,
            "resample": 2,
            "size_divisor": 32,
        }
    }
    return Recipe("GLPNForDepthEstimation", config, files, {"head": 6.0})


@recipe
def depth_anything() -> Recipe:
    """A DINOv2 backbone; pictures keep their proportions, in multiples of 14."""
    backbone = {
        "model_type": "dinov2",
        "hidden_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "mlp_ratio": 2,
        "image_size": 56,
        "patch_size": 14,
        "out_indices": [1, 2, 3, 4],
        "reshape_hidden_states": False,
        "apply_layernorm": True,
    }
    config = {
        "model_type": "depth_anything",
        "backbone_config": backbone,
        "neck_hidden_sizes": [16, 24, 32, 40],
        "fusion_hidden_size": 16,
        "head_hidden_size": 8,
        "reassemble_hidden_size": 48,
        "patch_size": 14,
        "reassemble_factors": [4, 2, 1, 0.5],
    }
    size = {"height": 56, "width": 56}
    files = processor("DPTImageProcessor", size, keep_aspect_ratio=True, ensure_multiple_of=14)
    return Recipe("DepthAnythingForDepthEstimation", config, files, {"head": 4.0})
