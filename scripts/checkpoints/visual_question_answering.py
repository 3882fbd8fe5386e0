"""Checkpoints of visual-question-answering."""

from checkpoints import encoders
from checkpoints.image_classification import processor
from checkpoints.image_to_text import CAPTION, blip_config, untie, words
from checkpoints.recipe import Recipe, label_maps, recipe

ANSWERS = ["yes", "no", "red", "blue", "two", "a cat", "a hat", "on the table", "nothing"]


@recipe
def vilt() -> Recipe:
    """Chooses: question and patches of the picture in one row."""
    files = words(model_max_length=40) | processor(
        "ViltImageProcessor", {"shortest_edge": 32}, size_divisor=8, do_pad=True, resample=3
    )
    config = {
        "model_type": "vilt",
        **encoders.SIZES,
        "max_position_embeddings": 40,
        "image_size": 32,
        "patch_size": 8,
        **label_maps(ANSWERS),
    }
    return Recipe("ViltForQuestionAnswering", config, files, {"classifier": 4.0, **encoders.ATTENTION})


@recipe
def blip() -> Recipe:
    """Writes: the question beside the picture, the answer beside both."""
    files = words() | processor("BlipImageProcessor", {"height": 32, "width": 32}, do_convert_rgb=True)
    return Recipe("BlipForQuestionAnswering", blip_config(files), files, {**CAPTION, "embed|decoder": 2.0}, untie)
