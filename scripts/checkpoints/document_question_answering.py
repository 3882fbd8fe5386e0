"""Checkpoints of document-question-answering."""

from typing import Any

from checkpoints import encoders, vocabulary, weights
from checkpoints.recipe import Files, Recipe, recipe

HEAD = {"qa_outputs.dense": 1.0, "qa_outputs": 6.0, **encoders.ATTENTION}
DOCVQA = ("<s_docvqa>", "<s_question>", "</s_question>", "<s_answer>", "</s_answer>")


def layoutlm_config(**more: Any) -> dict[str, Any]:
    """LayoutLM: BERT with the place of each word."""
    sizes = {**encoders.SIZES, "hidden_size": 24, "intermediate_size": 48}  # there are 4,096 places to embed
    return {"model_type": "layoutlm", **sizes, "max_2d_position_embeddings": 1024, **more}


def layoutlmv3_config(**more: Any) -> dict[str, Any]:
    """LayoutLMv3: RoBERTa with the place of each word, and the picture in four patches."""
    return {
        "model_type": "layoutlmv3",
        **encoders.SIZES,
        "max_position_embeddings": 130,
        "max_2d_position_embeddings": 1024,
        "coordinate_size": 8,
        "shape_size": 8,
        "input_size": 32,
        "patch_size": 16,
        **more,
    }


def layoutlmv3_processor(**more: Any) -> dict[str, Any]:
    """Has Tesseract read the words."""
    return {
        "image_processor_type": "LayoutLMv3ImageProcessor",
        "apply_ocr": True,
        "do_resize": True,
        "size": {"height": 32, "width": 32},
        "do_rescale": True,
        "do_normalize": True,
        **more,
    }


@recipe
def layoutlm() -> Recipe:
    """With RoBERTa's tokens, as the pipeline's default: one segment, two separators."""
    config = layoutlm_config(max_position_embeddings=130, type_vocab_size=1, **encoders.ROBERTA_TOKENS)
    return Recipe("LayoutLMForQuestionAnswering", config, vocabulary.roberta(add_prefix_space=True), HEAD)


@recipe
def layoutlm_bert() -> Recipe:
    """With BERT's tokens: question and words are two segments."""
    config = layoutlm_config(max_position_embeddings=128, pad_token_id=0)
    return Recipe("LayoutLMForQuestionAnswering", config, vocabulary.wordpiece("LayoutLMTokenizer"), HEAD)


@recipe
def layoutlmv3() -> Recipe:
    """Looks at the picture, too."""
    config = layoutlmv3_config(type_vocab_size=1, **encoders.ROBERTA_TOKENS)
    tokenizer = vocabulary.roberta("LayoutLMv3Tokenizer", add_prefix_space=True)
    half = [0.5, 0.5, 0.5]
    files = tokenizer | {"preprocessor_config.json": layoutlmv3_processor(image_mean=half, image_std=half)}
    return Recipe("LayoutLMv3ForQuestionAnswering", config, files, HEAD)


def donut_config(files: Files, **more: Any) -> dict[str, Any]:
    """Donut: a Swin that reads, an mBART that writes with the tokenizer of `files`."""
    return {
        "model_type": "vision-encoder-decoder",
        "is_encoder_decoder": True,
        "tie_word_embeddings": False,
        "encoder": {
            "model_type": "donut-swin",
            "image_size": [64, 48],
            "patch_size": 4,
            "embed_dim": 24,
            "depths": [1, 1],
            "num_heads": [2, 4],
            "window_size": 4,
            "mlp_ratio": 2.0,
        },
        "decoder": {
            "model_type": "mbart",
            "architectures": ["MBartForCausalLM"],
            "is_decoder": True,
            "is_encoder_decoder": False,
            "add_cross_attention": True,
            "vocab_size": len(vocabulary.ids(files)),
            "d_model": 48,
            "decoder_layers": 2,
            "decoder_attention_heads": 4,
            "decoder_ffn_dim": 96,
            "max_position_embeddings": 128,
            "scale_embedding": True,
            "add_final_layer_norm": True,
            **encoders.ROBERTA_TOKENS,
        },
        **encoders.ROBERTA_TOKENS,
        **more,
    }


def donut_files(*tokens: str, **generation: Any) -> Files:
    """Donut's files, with tags of its own and settings of its generation."""
    image_processor = {
        "image_processor_type": "DonutImageProcessor",
        "do_align_long_axis": False,
        "do_normalize": True,
        "do_pad": True,
        "do_rescale": True,
        "do_resize": True,
        "do_thumbnail": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "resample": 2,
        "rescale_factor": 1 / 255,
        "size": {"height": 64, "width": 48},
    }
    return vocabulary.donut(*tokens) | {
        "preprocessor_config.json": image_processor,
        "generation_config.json": {**encoders.BART_TOKENS, **generation},
    }


DONUT_GAINS = {"embed_tokens": 2.0, "encoder_attn": 5.0, "embed_positions": 2.0, "attn|attention|fc": 3.0}


@recipe
def donut() -> Recipe:
    """Reads the picture itself, and writes the answer between its tags."""
    files = donut_files(*DOCVQA, max_length=48)
    end = vocabulary.ids(files)["</s_answer>"]

    def adjust(arrays: weights.Arrays) -> None:
        decoder = "decoder.model.decoder"
        weights.bias_tokens(arrays, f"{decoder}.embed_tokens", f"{decoder}.layer_norm", {end: 3.5, 2: 3.0})

    return Recipe("VisionEncoderDecoderModel", donut_config(files), files, DONUT_GAINS, adjust)
