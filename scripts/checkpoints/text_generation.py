"""Checkpoints of text-generation."""

from typing import Any

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Recipe, recipe
from checkpoints.weights import Arrays, bias_tokens

HEAD = {"lm_head|wte": 3.0, "wpe": 6.0, "attn|attention|mlp": 2.0}


def llama_config(model_type: str, **more: Any) -> dict[str, Any]:
    """Llama and its kin: rotary positions, two heads of queries to one of keys and values."""
    return {
        "model_type": model_type,
        **encoders.SIZES,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        **more,
    }


def generation(**settings: Any) -> dict[str, Any]:
    """A generation_config.json."""
    return {"generation_config.json": settings}


@recipe
def gpt2() -> Recipe:
    """Learned positions, no padding token, no chat; says many spaces and marks, for decoding to clean up."""
    files = vocabulary.gpt2() | generation(bos_token_id=0, eos_token_id=0)
    tokens = vocabulary.ids(files)
    biases = {tokens[token]: 4.0 for token in ("Ġ", ".", ",", "?", "'s")}

    def punctuate(arrays: Arrays) -> None:
        bias_tokens(arrays, "transformer.wte", "transformer.ln_f", biases)

    return Recipe("GPT2LMHeadModel", encoders.gpt2(), files, HEAD, punctuate)


@recipe
def llama() -> Recipe:
    """A chat template; two tokens that end a text."""
    config = llama_config("llama", bos_token_id=0, eos_token_id=[1, 4])
    files = vocabulary.llama3(model_max_length=512) | generation(bos_token_id=0, eos_token_id=[1, 4])
    return Recipe("LlamaForCausalLM", config, files, HEAD)


@recipe
def mistral() -> Recipe:
    """A sliding window; words that begin with "▁", so that the first space of a decoded text is dropped."""
    config = llama_config("mistral", sliding_window=16, bos_token_id=1, eos_token_id=2)
    files = vocabulary.mistral(model_max_length=512) | generation(bos_token_id=1, eos_token_id=2)
    return Recipe("MistralForCausalLM", config, files, HEAD)
