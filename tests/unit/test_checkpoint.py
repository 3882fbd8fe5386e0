"""Models of checkpoints, as they are when they are loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    MllamaVisionConfig,
    MllamaVisionModel,
    TrOCRConfig,
    TrOCRForCausalLM,
)

from python_backend import checkpoint


def test_positions_of_a_large_trocr_are_waves(tmp_path: Path) -> None:
    sizes: Any = {
        "d_model": 16,
        "decoder_layers": 1,
        "decoder_attention_heads": 2,
        "decoder_ffn_dim": 16,
        "vocab_size": 20,
    }
    made = TrOCRForCausalLM(TrOCRConfig(**sizes, use_learned_position_embeddings=False)).eval()
    made.save_pretrained(tmp_path)
    loaded = checkpoint.model(tmp_path, "AutoModelForCausalLM")
    ids = torch.tensor([[2, 5, 6]])
    with torch.inference_mode():
        torch.testing.assert_close(loaded(ids).logits, made(ids).logits)


def test_layers_that_mllama_names_give_what_goes_into_them(tmp_path: Path) -> None:
    config = MllamaVisionConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_global_layers=1,
        attention_heads=2,
        intermediate_size=16,
        image_size=16,
        patch_size=8,
        max_num_tiles=1,
        supported_aspect_ratios=[[1, 1]],
        intermediate_layers_indices=[1],
        vision_output_dim=32,
    )
    MllamaVisionModel(config).save_pretrained(tmp_path)
    model: Any = checkpoint.model(tmp_path, MllamaVisionModel)
    went_in: list[torch.Tensor] = []
    model.transformer.layers[1].register_forward_pre_hook(
        lambda module, arguments, named: went_in.append(named["hidden_states"]), with_kwargs=True
    )
    one = torch.ones(1, 1, dtype=torch.long)
    with torch.inference_mode():
        seen = model(torch.randn(1, 1, 1, 3, 16, 16), one, one[None]).last_hidden_state
    torch.testing.assert_close(seen[0, 0, 0, :, 16:], went_in[0][0, :5])


def test_halves_that_share_their_weights_do_so_here(tmp_path: Path) -> None:
    """A checkpoint in safetensors has the weights of one half alone."""
    sizes: Any = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 16, "intermediate_size": 16}
    encoder = BertConfig(**sizes, vocab_size=20)
    decoder = BertConfig(**sizes, vocab_size=20, is_decoder=True, add_cross_attention=True)
    model = EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder))
    model.config.tie_encoder_decoder = True
    model.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    weights = {name: tensor for name, tensor in load_file(file).items() if not name.startswith("encoder.")}
    save_file(weights, file, {"format": "pt"})
    loaded: Any = checkpoint.model(tmp_path, "AutoModelForSeq2SeqLM")
    for name, tensor in loaded.encoder.named_parameters():
        if not name.startswith("pooler"):
            torch.testing.assert_close(tensor, weights[f"decoder.bert.{name}"])
