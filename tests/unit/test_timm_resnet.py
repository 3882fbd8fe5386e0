"""timm's ResNet in a checkpoint: the same weights under transformers' names, and which checkpoints are left alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import CONFIG_MAPPING, AutoModelForObjectDetection

from python_backend import checkpoint, timm_resnet

SMALL = {
    "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "num_queries": 3, "use_pretrained_backbone": True,
}  # fmt: skip
DETR = {"model_type": "detr", "backbone": "resnet50", "use_timm_backbone": True, "backbone_config": None}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("conv1.weight", "embedder.embedder.convolution.weight"),
        ("bn1.running_var", "embedder.embedder.normalization.running_var"),
        ("layer1.0.conv1.weight", "encoder.stages.0.layers.0.layer.0.convolution.weight"),
        ("layer3.22.conv3.weight", "encoder.stages.2.layers.22.layer.2.convolution.weight"),
        ("layer4.2.bn2.bias", "encoder.stages.3.layers.2.layer.1.normalization.bias"),
        ("layer2.0.downsample.0.weight", "encoder.stages.1.layers.0.shortcut.convolution.weight"),
        ("layer2.0.downsample.1.weight", "encoder.stages.1.layers.0.shortcut.normalization.weight"),
    ],
)
def test_names(old: str, new: str) -> None:
    for prefix in (
        "model.backbone.conv_encoder.model",
        "detr.model.backbone.conv_encoder.model",
        "model.backbone.model",
    ):
        assert renamed(f"{prefix}.{old}") == f"{prefix}.{new}"


def test_names_of_the_rest_stay() -> None:
    for name in ("model.encoder.layers.0.fc1.weight", "mask_head.conv1.conv.weight", "bbox_predictor.layers.0.weight"):
        assert renamed(name) == name


def renamed(name: str) -> str:
    for old, new in timm_resnet.NAMES.items():
        name = re.sub(old, new, name)
    return name


ALL = ["stage1", "stage2", "stage3", "stage4"]
NESTED = {"model_type": "timm_backbone", "backbone": "resnet34", "out_indices": [4]}  # as 5.x writes it


@pytest.mark.parametrize(
    ("config", "name", "stages"),
    [
        (DETR, "bottleneck", ALL),
        ({"model_type": "detr"}, "bottleneck", ALL),
        ({**DETR, "model_type": "table-transformer", "backbone": "resnet18.a1_in1k"}, "basic", ALL),
        ({**DETR, "model_type": "deformable_detr"}, "bottleneck", ALL[1:]),
        ({**DETR, "model_type": "deformable_detr", "num_feature_levels": 1}, "bottleneck", ALL[3:]),
        ({**DETR, "backbone_kwargs": {"in_chans": 3, "out_indices": [3, 4]}}, "bottleneck", ALL[2:]),
        ({"model_type": "detr", "backbone_config": NESTED}, "basic", ALL[3:]),
    ],
)
def test_configurations(config: dict[str, Any], name: str, stages: list[str]) -> None:
    backbone = (timm_resnet.replaced(config) or {})["backbone_config"]
    assert backbone["layer_type"] == name and backbone["out_features"] == stages


@pytest.mark.parametrize(
    "config",
    [
        {**DETR, "dilation": True},
        {**DETR, "backbone_kwargs": {"output_stride": 16}},
        {**DETR, "backbone": "convnext_tiny"},
        {**DETR, "use_timm_backbone": False},
        {**DETR, "backbone_config": {"model_type": "resnet"}},
        {"model_type": "yolos"},
        {"model_type": "resnet"},
        {},
    ],
)
def test_all_else_is_left_alone(config: dict[str, Any]) -> None:
    assert timm_resnet.replaced(config) is None


def test_a_checkpoint_with_timms_names_gets_its_weights(tmp_path: Path) -> None:
    config = {**SMALL, "model_type": "detr", "backbone": "resnet18", "architectures": ["DetrForObjectDetection"]}
    replaced = timm_resnet.replaced(config)
    assert replaced
    torch.manual_seed(0)
    made = AutoModelForObjectDetection.from_config(CONFIG_MAPPING["detr"].from_dict(replaced))
    for buffer in made.buffers():
        buffer.uniform_(0.5, 2)  # else the norms of all stages are alike
    weights = {timms(name): tensor.contiguous() for name, tensor in made.state_dict().items()}
    assert "model.backbone.conv_encoder.model.layer2.0.downsample.1.running_var" in weights
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = checkpoint.model(tmp_path, "AutoModelForObjectDetection").state_dict()
    assert loaded.keys() == made.state_dict().keys()
    for name, tensor in made.state_dict().items():
        assert torch.equal(loaded[name], tensor), name


def timms(name: str) -> str:
    """The name that a checkpoint of timm's days has for a weight of a loaded model."""
    name = re.sub(r"mlp\.(fc\d)", r"\1", name).replace("o_proj", "out_proj")
    name = name.replace("backbone.model", "backbone.conv_encoder.model")
    name = re.sub(r"encoder\.stages\.(\d)\.layers\.", lambda match: f"layer{int(match[1]) + 1}.", name)
    name = name.replace("embedder.embedder.convolution", "conv1").replace("embedder.embedder.normalization", "bn1")
    name = name.replace("shortcut.convolution", "downsample.0").replace("shortcut.normalization", "downsample.1")
    name = re.sub(r"\.layer\.(\d)\.convolution", lambda match: f".conv{int(match[1]) + 1}", name)
    return re.sub(r"\.layer\.(\d)\.normalization", lambda match: f".bn{int(match[1]) + 1}", name)
