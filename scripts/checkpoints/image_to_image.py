"""Checkpoints of image-to-image: Swin2SR alone serves this task; its two recipes run different ends of it."""

from typing import Any

from checkpoints.recipe import Recipe, recipe

FILES = {
    "preprocessor_config.json": {
        "image_processor_type": "Swin2SRImageProcessor",
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_pad": True,
        "pad_size": 8,
    }
}


def config(**more: Any) -> dict[str, Any]:
    return {
        "model_type": "swin2sr",
        "image_size": 16,
        "patch_size": 1,
        "embed_dim": 24,
        "depths": [1, 1],
        "num_heads": [2, 2],
        "window_size": 8,
        **more,
    }


@recipe
def swin2sr() -> Recipe:
    """Twice the size, by sorting channels into pixels."""
    return Recipe("Swin2SRForImageSuperResolution", config(upscale=2, upsampler="pixelshuffle"), dict(FILES))


@recipe
def swin2sr_x4() -> Recipe:
    """Four times the size, by doubling pixels between convolutions."""
    return Recipe("Swin2SRForImageSuperResolution", config(upscale=4, upsampler="nearest+conv"), dict(FILES))
