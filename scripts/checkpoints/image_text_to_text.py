"""Checkpoints of image-text-to-text."""

from typing import Any

from tokenizers import Tokenizer

from checkpoints import encoders, vocabulary
from checkpoints.image_classification import processor, vit_config
from checkpoints.recipe import Files, Recipe, recipe
from checkpoints.text_generation import llama_config
from checkpoints.weights import Arrays

GAINS = {"projector|multi_modal|merger|connector|modality": 6.0, "lm_head|embed_tokens": 3.0, "attn|attention|mlp": 2.0}
"""What is said depends on the images."""
ROLES = (
    "{% for message in messages %}{{ message['role'] | upper }}: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}{% endfor %}\n{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""A chat template; IMAGE stands for what an image is in the prompt."""


def talker(tokens: list[str], image: str, tokenizer_class: str = "PreTrainedTokenizerFast", **more: Any) -> Files:
    """Llama 3's tokenizer with tokens for images, and a chat template in the processor's own file."""
    made = vocabulary.llama3(model_max_length=2048)
    tokenizer = Tokenizer.from_str(made["tokenizer.json"])
    tokenizer.add_special_tokens(tokens)
    special = {**made["special_tokens_map.json"], "pad_token": "<|end_of_text|>", "additional_special_tokens": tokens}
    more = {
        "model_max_length": 2048,
        "model_input_names": ["input_ids", "attention_mask"],
        "padding_side": "left",
        **more,
    }
    return vocabulary.files(tokenizer, tokenizer_class, special, **more) | {
        "chat_template.json": {"chat_template": ROLES.replace("IMAGE", image)}
    }


def as_on_the_hub(arrays: Arrays) -> None:
    """Name the weights of a LLaVA's eyes as its checkpoints do; transformers 5 leaves a part of the names out."""
    for name in [name for name in arrays if name.startswith("vision_tower.")]:
        arrays[name.replace("vision_tower.", "vision_tower.vision_model.", 1)] = arrays.pop(name)


ENDS = {"bos_token_id": 0, "eos_token_id": [1, 4], "pad_token_id": 1}


def text_config(files: Files, model_type: str) -> dict[str, Any]:
    """The part of a config.json that is about texts, for this tokenizer."""
    return llama_config(model_type, vocab_size=len(vocabulary.ids(files)), max_position_embeddings=1024, **ENDS)


@recipe
def llava() -> Recipe:
    """A token for each patch of an image of one size."""
    files = talker(["<image>"], "<image>") | processor(
        "CLIPImageProcessor", {"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    files["processor_config.json"] = {
        "processor_class": "LlavaProcessor",
        "image_token": "<image>",
        "num_additional_image_tokens": 1,
        "patch_size": 8,
        "vision_feature_select_strategy": "default",
    }
    config = {
        "model_type": "llava",
        "image_token_index": vocabulary.ids(files)["<image>"],
        "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
        "vision_config": vit_config(model_type="clip_vision_model", projection_dim=24),
        "text_config": text_config(files, "llama"),
        **ENDS,
    }
    files["generation_config.json"] = ENDS
    return Recipe("LlavaForConditionalGeneration", config, files, GAINS, as_on_the_hub)


@recipe
def llava_onevision() -> Recipe:
    """The pipeline's default: as many parts of an image as fit its shape, and the whole of it."""
    files = talker(["<image>", "<video>"], "<image>\n") | processor(
        "LlavaOnevisionImageProcessor",
        {"height": 32, "width": 32},
        image_grid_pinpoints=[[32, 32], [32, 64], [64, 32], [64, 64]],
    )
    files["processor_config.json"] = {
        "processor_class": "LlavaOnevisionProcessor",
        "image_token": "<image>",
        "video_token": "<video>",
        "num_image_tokens": 16,
        "vision_feature_select_strategy": "full",
    }
    tokens = vocabulary.ids(files)
    config = {
        "model_type": "llava_onevision",
        "image_token_index": tokens["<image>"],
        "video_token_index": tokens["<video>"],
        "image_grid_pinpoints": [[32, 32], [32, 64], [64, 32], [64, 64]],
        "vision_aspect_ratio": "anyres_max_9",
        "vision_feature_layer": -1,
        "vision_feature_select_strategy": "full",
        "vision_config": vit_config(model_type="siglip_vision_model", vision_use_head=False),
        "text_config": text_config(files, "qwen2"),
        "tie_word_embeddings": False,
        **ENDS,
    }
    files["generation_config.json"] = ENDS
    return Recipe("LlavaOnevisionForConditionalGeneration", config, files, GAINS, as_on_the_hub)


@recipe
def qwen2_vl() -> Recipe:
    """As many tokens as an image has patches, and positions in three dimensions."""
    tokens = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    files = talker(tokens, "<|vision_start|><|image_pad|><|vision_end|>", "Qwen2Tokenizer")
    files["preprocessor_config.json"] = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2VLProcessor",
        "do_convert_rgb": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "min_pixels": 256,
        "max_pixels": 2304,
        "patch_size": 4,
        "merge_size": 2,
        "temporal_patch_size": 2,
    }
    known = vocabulary.ids(files)
    config = {
        "model_type": "qwen2_vl",
        **text_config(files, "qwen2_vl"),
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 2, 2]},
        "image_token_id": known["<|image_pad|>"],
        "video_token_id": known["<|video_pad|>"],
        "vision_start_token_id": known["<|vision_start|>"],
        "vision_end_token_id": known["<|vision_end|>"],
        "vision_token_id": known["<|image_pad|>"],
        "vision_config": {
            "model_type": "qwen2_vl",
            "depth": 2,
            "embed_dim": 32,
            "hidden_size": encoders.SIZES["hidden_size"],
            "num_heads": 2,
            "patch_size": 4,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
    }
    files["generation_config.json"] = ENDS
    return Recipe("Qwen2VLForConditionalGeneration", config, files, GAINS)


@recipe
def idefics3() -> Recipe:
    """An image in rows and columns, each of a few tokens, and the whole of it."""
    places = [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)]
    tokens = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>", *places]
    files = talker(tokens, "<image>") | processor(
        "Idefics3ImageProcessor",
        {"longest_edge": 96},
        max_image_size={"longest_edge": 32},
        do_image_splitting=True,
        do_convert_rgb=True,
        do_pad=True,
        resample=1,
    )
    files["processor_config.json"] = {"processor_class": "Idefics3Processor", "image_seq_len": 4}
    known = vocabulary.ids(files)
    config = {
        "model_type": "idefics3",
        "image_token_id": known["<image>"],
        "scale_factor": 2,
        "vision_config": vit_config(model_type="idefics3_vision"),
        "text_config": text_config(files, "llama"),
        "tie_word_embeddings": False,
        **ENDS,
    }
    files["generation_config.json"] = ENDS
    return Recipe("Idefics3ForConditionalGeneration", config, files, GAINS)
