"""Checkpoints of image-feature-extraction."""

from checkpoints.image_classification import processor, resnet_config, vit_config
from checkpoints.recipe import Recipe, recipe


@recipe
def vit() -> Recipe:
    """Tokens of patches, with a pooler."""
    return Recipe("ViTModel", vit_config(), processor("ViTImageProcessor", {"height": 32, "width": 32}))


@recipe
def resnet() -> Recipe:
    """Convolutions: channels, rows and columns; pictures keep their proportions and become tensors of their size."""
    files = processor("ViTImageProcessor", {"height": 64, "width": 64}, do_resize=False)
    return Recipe("ResNetModel", resnet_config(), files)


@recipe
def vit_msn() -> Recipe:
    """Tokens of patches, without a pooler."""
    files = processor("ViTImageProcessor", {"height": 32, "width": 32})
    return Recipe("ViTMSNModel", {**vit_config(), "model_type": "vit_msn"}, files)
