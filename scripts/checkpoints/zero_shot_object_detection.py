"""Checkpoints of zero-shot-object-detection."""

from checkpoints import encoders
from checkpoints.image_classification import processor, vit_config
from checkpoints.object_detection import BACKBONE
from checkpoints.object_detection import processor as detr_processor
from checkpoints.recipe import Recipe, recipe
from checkpoints.zero_shot_image_classification import MASKED, text_config, words


@recipe
def owlvit() -> Recipe:
    """Compares each text with each patch."""
    files = words(model_input_names=MASKED) | processor(
        "OwlViTImageProcessor", {"height": 48, "width": 48}, do_center_crop=False
    )
    text = {**text_config(files, "owlvit_text_model"), "max_position_embeddings": 16}
    vision = vit_config(model_type="owlvit_vision_model", image_size=48)
    config = {"model_type": "owlvit", "text_config": text, "vision_config": vision, "projection_dim": 48}
    return Recipe("OwlViTForObjectDetection", config, files, {"class_head": 6.0})


@recipe
def owlv2() -> Recipe:
    """As OWL-ViT, with a score for each patch of being an object; pictures are padded to squares."""
    size = {"height": 48, "width": 48}
    files = words(model_input_names=MASKED) | processor("Owlv2ImageProcessor", size, do_pad=True)
    text = {**text_config(files, "owlv2_text_model"), "max_position_embeddings": 16}
    vision = vit_config(model_type="owlv2_vision_model", image_size=48)
    config = {"model_type": "owlv2", "text_config": text, "vision_config": vision, "projection_dim": 48}
    return Recipe("Owlv2ForObjectDetection", config, files, {"class_head": 6.0})


@recipe
def grounding_dino() -> Recipe:
    """Text and image look at each other from layer to layer."""
    files = words() | detr_processor("GroundingDinoImageProcessor", 96, 160)
    text = {**text_config(files, "bert"), **encoders.SIZES, "max_position_embeddings": 64}
    config = {
        "model_type": "grounding-dino",
        "backbone_config": {**BACKBONE, "out_features": ["stage2", "stage3", "stage4"]},
        "use_pretrained_backbone": False,
        "use_timm_backbone": False,
        "backbone": None,
        "text_config": text,
        "d_model": 32,
        "encoder_layers": 1,
        "encoder_ffn_dim": 32,
        "encoder_attention_heads": 2,
        "decoder_layers": 2,
        "decoder_ffn_dim": 32,
        "decoder_attention_heads": 2,
        "num_queries": 12,
        "max_text_len": 32,
        "num_feature_levels": 4,
    }
    return Recipe("GroundingDinoForObjectDetection", config, files, {"text_projection": 3.0})
