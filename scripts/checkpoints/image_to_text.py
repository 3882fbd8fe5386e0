"""Checkpoints of image-to-text."""

from dataclasses import replace
from typing import Any

from PIL import ImageFont

from checkpoints import encoders, vocabulary
from checkpoints.document_question_answering import DONUT_GAINS, donut_config, donut_files
from checkpoints.image_classification import processor, vit_config
from checkpoints.recipe import Files, Recipe, recipe
from checkpoints.weights import Arrays, bias_tokens, draw

CAPTION = {"crossattention|encoder_attention|encoder_attn": 4.0, "attention|attn": 3.0, "patch": 3.0}
"""What is written depends on the picture."""


def words(**settings: Any) -> Files:
    """A tokenizer of word pieces, whose texts have no types."""
    return vocabulary.wordpiece("BertTokenizer", model_input_names=["input_ids", "attention_mask"], **settings)


@recipe
def vit_gpt2() -> Recipe:
    """ViT sees, GPT-2 writes: the pipeline's default."""
    files = vocabulary.gpt2() | processor("ViTImageProcessor", {"height": 32, "width": 32})
    decoder = encoders.gpt2(vocab_size=len(vocabulary.ids(files)), add_cross_attention=True, is_decoder=True)
    tokens = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0, "decoder_start_token_id": 0}
    config = {
        "model_type": "vision-encoder-decoder",
        "is_encoder_decoder": True,
        "tie_word_embeddings": False,
        "encoder": vit_config(),
        "decoder": decoder,
        **tokens,
    }
    files |= {"generation_config.json": {**tokens, "max_length": 16, "num_beams": 4}}
    gains = {"crossattention": 4.0, "lm_head|wte": 3.0, "wpe": 6.0, "attn|attention|mlp|patch": 2.0}
    return Recipe("VisionEncoderDecoderModel", config, files, gains)


@recipe
def donut() -> Recipe:
    """Reads text off the picture; its answers begin with a token of their task."""
    files = donut_files("<s_cord-v2>", "</s_cord-v2>", max_length=40)
    files["generation_config.json"]["decoder_start_token_id"] = vocabulary.ids(files)["<s_cord-v2>"]

    def adjust(arrays: Arrays) -> None:
        decoder = "decoder.model.decoder"
        bias_tokens(arrays, f"{decoder}.embed_tokens", f"{decoder}.layer_norm", {2: 3.0})

    return Recipe("VisionEncoderDecoderModel", donut_config(files), files, DONUT_GAINS, adjust)


def blip_config(files: Files) -> dict[str, Any]:
    """BLIP: a ViT, and a BERT that looks at it."""
    ids = vocabulary.ids(files)
    return {
        "model_type": "blip",
        "vision_config": vit_config(model_type="blip_vision_model"),
        "text_config": {
            "model_type": "blip_text_model",
            **encoders.SIZES,
            "vocab_size": len(ids),
            "encoder_hidden_size": encoders.SIZES["hidden_size"],
            "max_position_embeddings": 64,
            "bos_token_id": ids["[CLS]"],
            "eos_token_id": ids["[SEP]"],
            "sep_token_id": ids["[SEP]"],
            "pad_token_id": ids["[PAD]"],
        },
        "projection_dim": 24,
    }


def untie(arrays: Arrays) -> None:
    """BLIP's checkpoints have the words that it reads and those that it writes apart, as 4.48 takes them."""
    (words,) = (
        array for name, array in arrays.items() if name.endswith("text_decoder.bert.embeddings.word_embeddings.weight")
    )
    name = "text_decoder.cls.predictions.decoder.weight"
    arrays[name] = draw(name, words, {})


@recipe
def blip() -> Recipe:
    """Goes on with a prompt."""
    files = words() | processor("BlipImageProcessor", {"height": 32, "width": 32}, do_convert_rgb=True)
    return Recipe("BlipForConditionalGeneration", blip_config(files), files, {**CAPTION, "embed|decoder": 2.0}, untie)


@recipe
def git() -> Recipe:
    """Image and text in one row of tokens."""
    files = words() | processor(
        "CLIPImageProcessor", {"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, do_center_crop=True
    )
    tokens = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    config = {
        "model_type": "git",
        **encoders.SIZES,
        "max_position_embeddings": 96,
        "vocab_size": len(vocabulary.ids(files)),
        "vision_config": vit_config(model_type="git_vision_model"),
        **tokens,
    }
    return Recipe("GitForCausalLM", config, files, {**CAPTION, "embed": 3.0, "output": 2.0})


@recipe
def pix2struct() -> Recipe:
    """Patches in as many rows and columns as fit the picture's shape."""
    return pix2struct_recipe()


@recipe
def pix2struct_questions() -> Recipe:
    """Finds the question printed above the picture."""
    made = pix2struct_recipe(is_vqa=True, max_patches=60)
    font: Any = ImageFont.load_default(10)
    return replace(made, files={**made.files, "Arial.TTF": font.font_bytes})


def pix2struct_recipe(**image_processor: Any) -> Recipe:
    files = vocabulary.t5()
    files["preprocessor_config.json"] = {
        "image_processor_type": "Pix2StructImageProcessor",
        "do_convert_rgb": True,
        "do_normalize": True,
        "is_vqa": False,
        "max_patches": 24,
        "patch_size": {"height": 8, "width": 8},
        **image_processor,
    }
    tokens = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
    config = {
        "model_type": "pix2struct",
        "is_encoder_decoder": True,
        "vision_config": {
            "model_type": "pix2struct_vision_model",
            "hidden_size": 48,
            "patch_embed_hidden_size": 3 * 8 * 8,
            "d_ff": 96,
            "d_kv": 12,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "seq_len": 64,
        },
        "text_config": {
            "model_type": "pix2struct_text_model",
            "vocab_size": len(vocabulary.ids(files)),
            "hidden_size": 48,
            "d_kv": 12,
            "d_ff": 96,
            "num_layers": 2,
            "num_heads": 4,
            "is_decoder": True,
            **tokens,
        },
        **tokens,
    }
    gains = {"encoder_decoder_attention": 5.0, "attention": 3.0, "embed_tokens|lm_head": 4.0, "patch": 3.0}
    return Recipe("Pix2StructForConditionalGeneration", config, files, gains)
