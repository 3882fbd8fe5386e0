"""DETR-like checkpoints whose ResNet is timm's, as most on the Hub: transformers' own ResNet has the same layers under
other names, and runs them without timm, which would bring torchvision along."""

from __future__ import annotations

import re
from typing import Any

LAYERS = {
    "resnet18": ("basic", [2, 2, 2, 2]),
    "resnet34": ("basic", [3, 4, 6, 3]),
    "resnet50": ("bottleneck", [3, 4, 6, 3]),
    "resnet101": ("bottleneck", [3, 4, 23, 3]),
    "resnet152": ("bottleneck", [3, 8, 36, 3]),
}
"""timm's name -> kind of layers, and how many of them each stage has."""
WIDTHS = {"basic": [64, 128, 256, 512], "bottleneck": [256, 512, 1024, 2048]}

MODEL_TYPES = ("conditional_detr", "deformable_detr", "detr", "table-transformer")
"""Those that take a timm backbone unless config.json says otherwise."""

NAMES = {
    r"(backbone\.(?:conv_encoder\.)?model)\.conv1\.": r"\1.embedder.embedder.convolution.",
    r"(backbone\.(?:conv_encoder\.)?model)\.bn1\.": r"\1.embedder.embedder.normalization.",
    **{
        rf"(backbone\.(?:conv_encoder\.)?model)\.layer{stage + 1}\.": rf"\1.encoder.stages.{stage}.layers."
        for stage in range(4)
    },
    r"(model\.encoder\.stages\.\d\.layers\.\d+)\.downsample\.0\.": r"\1.shortcut.convolution.",
    r"(model\.encoder\.stages\.\d\.layers\.\d+)\.downsample\.1\.": r"\1.shortcut.normalization.",
    **{
        rf"(model\.encoder\.stages\.\d\.layers\.\d+)\.{old}{number + 1}\.": rf"\1.layer.{number}.{new}."
        for number in range(3)
        for old, new in (("conv", "convolution"), ("bn", "normalization"))
    },
}
"""Patterns in the names of timm's weights, to apply in turn -> what they become in transformers' ResNet."""


def replaced(config: dict[str, Any]) -> dict[str, Any] | None:
    """The content of a config.json with transformers' ResNet in place of timm's; None where it names no such backbone.

    Left to timm: a dilated last stage (DC5) and backbones that are no plain ResNet.
    """
    nested = config.get("backbone_config") or {}
    if nested and nested.get("model_type") != "timm_backbone":
        return None
    if not nested and (config.get("model_type") not in MODEL_TYPES or config.get("use_timm_backbone") is False):
        return None
    options = {**(config.get("backbone_kwargs") or {}), **nested}
    name = re.sub(r"\..*", "", nested.get("backbone") or config.get("backbone") or "resnet50")  # "resnet50.a1_in1k"
    if name not in LAYERS or config.get("dilation") or (options.get("output_stride") or 32) != 32:
        return None
    layer, depths = LAYERS[name]
    backbone = {
        "model_type": "resnet",
        "num_channels": options.get("num_channels") or config.get("num_channels", 3),
        "layer_type": layer,
        "depths": depths,
        "hidden_sizes": WIDTHS[layer],
        "out_features": [f"stage{stage}" for stage in options.get("out_indices") or default_stages(config)],
    }
    dropped = ("backbone", "backbone_kwargs", "use_pretrained_backbone", "dilation")
    kept = {key: value for key, value in config.items() if key not in dropped}
    return {**kept, "use_timm_backbone": False, "backbone_config": backbone}


def default_stages(config: dict[str, Any]) -> list[int]:
    """The stages whose output a model takes where its config.json does not say."""
    if config.get("model_type") == "deformable_detr":
        return [2, 3, 4] if config.get("num_feature_levels", 4) > 1 else [4]
    return [1, 2, 3, 4]
