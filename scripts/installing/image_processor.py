"""A checkpoint's preprocessor_config.json with nothing left to the class: defaults of image processors changed in
transformers 5, and some of its classes do what those of 4.48 leave out, such as cutting out the centre."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from installing.source import read_json

FILE = "preprocessor_config.json"
RECORDED = json.loads(Path(__file__).with_name("image_processor_classes.json").read_text(encoding="utf-8"))
STEPS = ("do_center_crop", "crop_size", "do_pad", "pad_size")
"""Settings that have no effect in 4.48 where the class does not know them."""
OTHER_NAMES = {
    "do_pad": "pad_and_return_pixel_mask",
    "do_reduce_labels": "reduce_labels",
    "size_divisor": "size_divisibility",
}
"""What some settings were called before."""


def write(folder: Path) -> None:
    """Complete the folder's preprocessor_config.json, where there is one of a class that is known."""
    config = read_json(folder / FILE)
    if config and (completed := complete(config, read_json(folder / "config.json").get("model_type"))) != config:
        (folder / FILE).write_text(json.dumps(completed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def complete(config: dict[str, Any], model_type: str | None) -> dict[str, Any]:
    """The settings that an image processor of 4.48 has with this preprocessor_config.json."""
    named = config.get("image_processor_type") or config.get("feature_extractor_type")
    name = named or RECORDED["models"].get(model_type, "")
    for end in ("Fast", "FeatureExtractor", "ImageProcessor"):
        name = name.removesuffix(end)
    defaults = RECORDED["classes"].get(name)
    if defaults is None:
        return config
    given = {key: value for key, value in config.items() if key in defaults or key not in STEPS}
    # A step that is null is left out; other nulls stand for defaults.
    given = {key: False if value is None and key.startswith("do_") else value for key, value in given.items()}
    given = {key: value for key, value in given.items() if value is not None or key not in defaults}
    size, edges = given.get("size"), defaults.get("size", {})
    if isinstance(size, int) and "longest_edge" in edges:
        longest = config.get("max_size") or edges["longest_edge"]
        given["size"] = {"shortest_edge": size, "longest_edge": longest} if len(edges) > 1 else {"longest_edge": size}
        given.pop("max_size", None)
    elif isinstance(size, dict) and size.keys() > edges.keys() == {"shortest_edge"}:
        given["size"] = {"shortest_edge": size["shortest_edge"]}  # all that such a class looks at
    missing = {
        key: value for key, value in defaults.items() if value is not None and OTHER_NAMES.get(key) not in config
    }
    return {**missing, **given}
