"""Checkpoints of image-classification."""

from typing import Any

from checkpoints import encoders
from checkpoints.recipe import Recipe, label_maps, recipe

ANIMALS = ["cat", "dog", "fox", "owl", "hen", "cow"]


def processor(image_processor: str, size: dict[str, int], **settings: Any) -> dict[str, Any]:
    """A preprocessor_config.json that scales to [-1, 1]."""
    return {
        "preprocessor_config.json": {
            "image_processor_type": image_processor,
            "do_resize": True,
            "size": size,
            "resample": 2,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            **settings,
        }
    }


def vit_config(**more: Any) -> dict[str, Any]:
    """ViT: patches of 8 pixels of a square of 32."""
    return {"model_type": "vit", **encoders.SIZES, "image_size": 32, "patch_size": 8, **more}


def resnet_config(**more: Any) -> dict[str, Any]:
    """ResNet: a layer in each of four stages."""
    return {
        "model_type": "resnet",
        "embedding_size": 16,
        "hidden_sizes": [16, 24, 32, 40],
        "depths": [1, 1, 1, 1],
        "layer_type": "basic",
        **more,
    }


@recipe
def vit() -> Recipe:
    """A transformer; softmax, for no `problem_type` is said."""
    files = processor("ViTImageProcessor", {"height": 32, "width": 32})
    return Recipe("ViTForImageClassification", vit_config(**label_maps(ANIMALS)), files, {"classifier": 4.0})


@recipe
def resnet() -> Recipe:
    """Convolutions; resized by the short edge, then the centre is cut out; several answers at once: sigmoids."""
    config = resnet_config(problem_type="multi_label_classification", **label_maps(ANIMALS[:3]))
    files = processor("ConvNextImageProcessor", {"shortest_edge": 64}, crop_pct=0.875, resample=3)
    return Recipe("ResNetForImageClassification", config, files, {"classifier": 1.5})


@recipe
def convnext() -> Recipe:
    """Says `problem_type: single_label_classification`."""
    config = {
        "model_type": "convnext",
        "hidden_sizes": [16, 24, 32, 40],
        "depths": [1, 1, 1, 1],
        "layer_scale_init_value": 1.0,
        "problem_type": "single_label_classification",
        **label_maps(ANIMALS[:4]),
    }
    files = processor("ConvNextImageProcessor", {"shortest_edge": 384})
    return Recipe("ConvNextForImageClassification", config, files, {"classifier": 2.0})
