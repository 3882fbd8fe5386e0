"""Checkpoints of video-classification."""

from checkpoints.image_classification import ANIMALS, processor, vit_config
from checkpoints.recipe import Recipe, label_maps, recipe

CROP = {"do_center_crop": True, "crop_size": {"height": 32, "width": 32}}


@recipe
def videomae() -> Recipe:
    """Pieces of two frames each; takes just the number of frames that it was made for."""
    config = {**vit_config(), "model_type": "videomae", "num_frames": 4, "tubelet_size": 2, **label_maps(ANIMALS)}
    files = processor("VideoMAEImageProcessor", {"shortest_edge": 32}, **CROP)
    return Recipe("VideoMAEForVideoClassification", config, files, {"classifier": 4.0})


@recipe
def timesformer() -> Recipe:
    """Attention over time and space in turn."""
    config = {**vit_config(), "model_type": "timesformer", "num_frames": 3, **label_maps(ANIMALS[:4])}
    files = processor("VideoMAEImageProcessor", {"shortest_edge": 32}, **CROP)
    return Recipe("TimesformerForVideoClassification", config, files, {"classifier": 4.0})


@recipe
def vivit() -> Recipe:
    """Tubes of frames; a processor of its own."""
    config = {**vit_config(), "model_type": "vivit", "num_frames": 4, "tubelet_size": [2, 8, 8], **label_maps(ANIMALS)}
    del config["patch_size"]
    files = processor("VivitImageProcessor", {"shortest_edge": 36}, rescale_factor=1 / 127.5, offset=True, **CROP)
    return Recipe("VivitForVideoClassification", config, files, {"classifier": 4.0})
