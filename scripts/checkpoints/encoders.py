"""Configurations of text models in miniature, in the words of each architecture; `vocab_size` is the tokenizer's."""

from collections.abc import Callable
from typing import Any

from checkpoints.weights import Arrays

SIZES = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
SIZES_WITH_DECODER = {
    "d_model": 48,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 96,
    "decoder_ffn_dim": 96,
}
# Attention that looks at single tokens and weighs in: what a model answers depends on the whole text then.
ATTENTION = {"query|key|[qk]_(lin|proj)|c_attn": 3.0, "value|v_(lin|proj)|att.*(dense|out)|out_lin": 2.0}
ROBERTA_TOKENS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
BART_TOKENS = {**ROBERTA_TOKENS, "decoder_start_token_id": 2}


def bert(**more: Any) -> dict[str, Any]:
    """BERT: learned positions, two segments."""
    return {
        "model_type": "bert",
        **SIZES,
        "max_position_embeddings": 128,
        "pad_token_id": 0,
        **more,
    }


def roberta(model_type: str = "roberta", **more: Any) -> dict[str, Any]:
    """RoBERTa and XLM-RoBERTa: positions count from the padding token on, one segment."""
    return {
        "model_type": model_type,
        **SIZES,
        "max_position_embeddings": 130,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        **ROBERTA_TOKENS,
        **more,
    }


def distilbert(**more: Any) -> dict[str, Any]:
    """DistilBERT: no segments."""
    return {
        "model_type": "distilbert",
        "dim": 48,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 96,
        "max_position_embeddings": 128,
        "pad_token_id": 0,
        **more,
    }


def albert(**more: Any) -> dict[str, Any]:
    """ALBERT: layers share their weights, embeddings are narrower than the hidden states."""
    return {
        "model_type": "albert",
        **SIZES,
        "embedding_size": 32,
        "max_position_embeddings": 128,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
        **more,
    }


def esm(**more: Any) -> dict[str, Any]:
    """ESM-2: rotary positions, and what is masked counts as left out."""
    return {
        "model_type": "esm",
        **SIZES,
        "max_position_embeddings": 130,
        "position_embedding_type": "rotary",
        "token_dropout": True,
        "emb_layer_norm_before": False,
        "layer_norm_eps": 1e-5,
        "pad_token_id": 1,
        **more,
    }


def fnet(**more: Any) -> dict[str, Any]:
    """FNet: a Fourier transform in place of attention, and no mask."""
    return {
        "model_type": "fnet",
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "intermediate_size": 96,
        "max_position_embeddings": 128,
        "type_vocab_size": 4,
        "pad_token_id": 0,
        **more,
    }


def xlnet(**more: Any) -> dict[str, Any]:
    """XLNet: attention to relative positions; the last token stands for the text."""
    return {
        "model_type": "xlnet",
        "d_model": 48,
        "n_layer": 2,
        "n_head": 4,
        "d_inner": 96,
        "pad_token_id": 5,
        "bos_token_id": 1,
        "eos_token_id": 2,
        **more,
    }


def deberta_v2(**more: Any) -> dict[str, Any]:
    """DeBERTa v2: attention to relative positions."""
    return {
        "model_type": "deberta-v2",
        **SIZES,
        "max_position_embeddings": 128,
        "relative_attention": True,
        "position_buckets": 32,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "type_vocab_size": 0,
        "pad_token_id": 0,
        **more,
    }


def bart(**more: Any) -> dict[str, Any]:
    """BART: an encoder and a decoder."""
    return {
        "model_type": "bart",
        **SIZES_WITH_DECODER,
        "max_position_embeddings": 128,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": 2,
        **ROBERTA_TOKENS,
        **more,
    }


def t5(**more: Any) -> dict[str, Any]:
    """T5: an encoder and a decoder, relative positions."""
    return {
        "model_type": "t5",
        "d_model": 48,
        "d_kv": 12,
        "d_ff": 96,
        "num_layers": 2,
        "num_heads": 4,
        "relative_attention_num_buckets": 32,
        "feed_forward_proj": "relu",
        "pad_token_id": 0,
        "eos_token_id": 1,
        "decoder_start_token_id": 0,
        **more,
    }


# An encoder-decoder whose answers depend on the whole text, and do not say one thing for ever.
TEXT_TO_TEXT = {
    "embed_positions": 12.0,
    "shared|embed_tokens": 2.0,
    "encoder_attn|EncDecAttention": 5.0,
    "attn|Attention": 3.0,
    "fc|DenseReluDense": 3.0,
}
T5_TO_TEXT = {"shared": 12.0, **TEXT_TO_TEXT}


def end_often(token: int, times: float = 2.0) -> Callable[[Arrays], None]:
    """Let an encoder-decoder end its answers with `token` now and then: its logit spreads more than those of others."""

    def adjust(arrays: Arrays) -> None:
        (tokens,) = (array for name, array in arrays.items() if name.endswith("shared.weight"))
        tokens[token] *= times
        if "final_logits_bias" in arrays:
            arrays["final_logits_bias"][:] = 0

    return adjust


def gpt2(**more: Any) -> dict[str, Any]:
    """GPT-2: a decoder with one special token and no padding token."""
    return {
        "model_type": "gpt2",
        "n_embd": 48,
        "n_layer": 2,
        "n_head": 4,
        "n_positions": 128,
        "bos_token_id": 0,
        "eos_token_id": 0,
        **more,
    }
