"""A checkpoint's config.json in the types that its class declares: transformers 5 refuses others, 4.48 took whatever
stood there."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from installing.source import read_json

FILE = "config.json"


def mend(folder: Path) -> None:
    """Write the folder's config.json anew where transformers 5 would refuse it."""
    config = read_json(folder / FILE)
    if (settings := mended(config)) != config or repr(settings) != repr(config):  # 1 == 1.0
        (folder / FILE).write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def mended(config: dict[str, Any]) -> dict[str, Any]:
    """The same settings in the declared types: 1 as 1.0 where that is a fraction, "0" as 0, and null as false, or left
    out where it is neither. What fits in no way stays as it is, for transformers to refuse."""
    settings = _of_class(config, _class_of(config))
    # Of one label: refused as well, and of no effect.
    if settings.get("problem_type") == "single_label_classification" and len(settings.get("id2label") or "01") == 1:
        del settings["problem_type"]
    return settings


def _class_of(config: dict[str, Any], otherwise: Any = None) -> Any:
    from transformers import CONFIG_MAPPING

    model_type = str(config.get("model_type"))
    return CONFIG_MAPPING[model_type] if model_type in CONFIG_MAPPING else otherwise  # noqa: SIM401  # get() finds none


def _of_class(config: dict[str, Any], kind: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(kind):
        return {**config}
    types = {field.name: field.type for field in dataclasses.fields(kind)}
    parts: dict[str, Any] = getattr(kind, "sub_configs", {})
    settings = {}
    for name, value in config.items():
        if isinstance(value, dict) and name in parts:
            settings[name] = _of_class(value, _class_of(value, parts[name]))
            continue
        fitting = [each for each in (value, *_alike(value)) if name not in types or _is_of(name, each, types[name])]
        if fitting or value is not None:
            settings[name] = [*fitting, value][0]
    return settings


def _alike(value: Any) -> list[Any]:
    """What stands for the same in other types."""
    if value is None:
        return [False]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return []
    found = []
    for convert in (int, float):
        try:
            number = convert(value)
        except (ValueError, OverflowError):
            continue
        if isinstance(value, str) or number == value:
            found.append(number)
    return found


def _is_of(name: str, value: Any, kind: Any) -> bool:
    from huggingface_hub.dataclasses import type_validator

    try:
        type_validator(name, value, kind)
    except TypeError:
        return False
    return True
