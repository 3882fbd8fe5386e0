"""Config, weights: read from the model's own version folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from python_backend import mllama_layers, plain_tensors, shared_halves, timm_resnet
from python_backend.prepacking import prepack

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

DTYPES = ("auto", "float32", "bfloat16", "float16")


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file of the checkpoint; {} when it has none of that name."""
    path = folder / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def token_text(token: str | dict[str, Any] | None) -> Any:
    """The text of a token as a tokenizer's configuration gives it, with or without settings."""
    return token["content"] if isinstance(token, dict) else token


def labels(folder: Path) -> list[str]:
    """The checkpoint's label names in order of their ids."""
    config = read_json(folder, "config.json")
    id2label = config.get("id2label")
    if id2label is None:  # what PretrainedConfig assumes
        return [f"LABEL_{label}" for label in range(config.get("num_labels", 2))]
    return [str(id2label[key]) for key in sorted(id2label, key=int)]


def model(
    folder: Path, auto_class: str | type, device: str = "cpu", dtype: str = "float32", *, prepacked: bool = False
) -> PreTrainedModel:
    """The checkpoint's model, ready to run: on its device, in evaluation mode, without gradients.

    Args:
        auto_class: name of the transformers Auto class, "AutoModelForMaskedLM"; or the model's class itself.
        dtype: "auto" is the type that the checkpoint names; the pipeline's own default is float32.
        prepacked: on a CPU, run linear layers on a second, prepacked copy of their weights (prepacking.py).
    """
    cls, torch_dtype, code = _how_to_load(folder, auto_class, dtype)
    more: dict[str, Any] = {}
    if config := _replaced_config(folder):
        more = {"config": config, "key_mapping": timm_resnet.NAMES}
    loaded, found = cls.from_pretrained(
        folder, dtype=torch_dtype, local_files_only=True, trust_remote_code=code, output_loading_info=True, **more
    )
    if shared_halves.are_in(read_json(folder, "config.json")):
        shared_halves.join(loaded, found["missing_keys"])
    loaded = loaded.to(device).eval().requires_grad_(False)
    plain_tensors.fill(loaded)
    mllama_layers.give_what_goes_in(loaded)
    if prepacked and device == "cpu":
        prepack(loaded)
    return loaded


def model_without_weights(folder: Path, auto_class: str | type, dtype: str) -> PreTrainedModel:
    """The checkpoint's model for all but running: its class, configuration and dtype."""
    import torch
    import transformers

    cls, torch_dtype, code = _how_to_load(folder, auto_class, dtype)
    config = _replaced_config(folder) or transformers.AutoConfig.from_pretrained(
        folder, local_files_only=True, trust_remote_code=code
    )
    make = getattr(cls, "from_config", None) or cls._from_config  # of Auto classes, of models
    with torch.device("meta"):
        made: PreTrainedModel = make(config, dtype=torch_dtype, **({"trust_remote_code": code} if code else {}))
    return made.eval()


def _how_to_load(folder: Path, auto_class: str | type, dtype: str) -> tuple[Any, str | torch.dtype, bool]:
    """The class, the type of its weights, and whether code that comes with the checkpoint may run."""
    import torch
    import transformers

    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}")
    cls = getattr(transformers, auto_class) if isinstance(auto_class, str) else auto_class
    code = read_json(folder, "installed.json").get("trust_remote_code", False)  # said when it was installed
    return cls, dtype if dtype == "auto" else getattr(torch, dtype), code


def _replaced_config(folder: Path) -> PretrainedConfig | None:
    """What stands for a configuration that transformers alone does not know; None for others."""
    import transformers

    config = timm_resnet.replaced(read_json(folder, "config.json"))
    return transformers.CONFIG_MAPPING[config["model_type"]].from_dict(config) if config else None
