"""A checkpoint's processor of texts with images: that of transformers, on PIL and on tokenizer.json. No torch."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from python_backend import idefics2_processor, images
from python_backend.checkpoint import read_json


def load(folder: Path) -> Any:
    """The ProcessorMixin of the checkpoint.

    AutoProcessor would ask for torchvision wherever a model takes videos too, and for the tokenizer's own class, which
    gives other ids in transformers 5 than in 4.48.
    """
    import transformers
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    files = [read_json(folder, f"{name}_config.json") for name in ("processor", "preprocessor", "tokenizer")]
    named = [file["processor_class"] for file in files if file.get("processor_class")]
    model_type = read_json(folder, "config.json")["model_type"]
    name = named[0] if named else PROCESSOR_MAPPING_NAMES.get(model_type)
    if name is None or not hasattr(transformers, name):
        raise ValueError(f"transformers has no processor for the checkpoint: {name or model_type}")
    base: Any = pixtral() if name == "PixtralProcessor" else getattr(transformers, name)
    accepted = inspect.signature(base.__init__).parameters
    options = {key: value for key, value in files[0].items() if key in accepted and key not in PARTS}
    if "video_processor" in accepted:
        options["video_processor"] = None
    tokenizer_class: Any = transformers.PreTrainedTokenizerFast
    if name == "Idefics2Processor":
        base, tokenizer_class = idefics2_processor.marking(base), idefics2_processor.unmarking(tokenizer_class)
    tokenizer = tokenizer_class.from_pretrained(folder)
    return unchecked(base)(image_processor=images.processor(folder), tokenizer=tokenizer, **options)


PARTS = ("image_processor", "tokenizer", "video_processor", "chat_template")


def pixtral() -> Any:
    """PixtralProcessor, whose module takes a function of the image processor on torchvision, and nothing else of it:
    that on PIL has the same function."""
    package = "transformers.models.pixtral"
    on_pil = importlib.import_module(f"{package}.image_processing_pil_pixtral")
    sys.modules.setdefault(f"{package}.image_processing_pixtral", on_pil)
    return importlib.import_module(f"{package}.processing_pixtral").PixtralProcessor


def unchecked(base: Any) -> Any:
    """The class, which takes parts of any class."""

    def check_argument_for_proper_class(self: Any, argument_name: str, argument: Any) -> Any:
        return type(argument)

    members = {"check_argument_for_proper_class": check_argument_for_proper_class}
    return type(base.__name__, (base,), members)
