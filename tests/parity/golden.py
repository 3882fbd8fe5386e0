"""Goldens: what the oracle answered, as JSON.

JSON knows neither tuples nor arrays nor pictures: they are written as dicts with the one key `$tuple`, `$array`,
`$mask` (a bool array of two dimensions) or `$image`. The path of the repository is written as `$ROOT`.
"""

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parents[1] / "goldens"
ROOT = str(Path(__file__).parents[2])
WIDTH = 120


def read(task: str) -> dict[str, Any]:
    """The goldens of a task (with underscores): `oracle`, `checkpoints` and `answers`, as `write` got them."""
    file = FOLDER / f"{task}.json"
    if not file.exists():
        raise FileNotFoundError(f"{file} is missing: .oracle/bin/python scripts/record_goldens.py {task}")
    goldens: dict[str, Any] = decode(json.loads(file.read_text(encoding="utf-8")))
    return goldens


def write(task: str, goldens: dict[str, Any]) -> Path:
    """Write the goldens of a task (with underscores); the same ones give the same bytes."""
    file = FOLDER / f"{task}.json"
    file.write_text(layout(encode(goldens)) + "\n", encoding="utf-8")
    return file


def encode(value: Any) -> Any:
    """`value` in the types of JSON; floats keep seven significant digits."""
    if isinstance(value, np.generic):
        value = value.item()
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {"$tuple": [encode(item) for item in value]}
    if isinstance(value, np.ndarray) and value.dtype == bool and value.ndim == 2 and value.size:
        return {"$mask": encode(Image.fromarray(value))["$image"]}
    if isinstance(value, np.ndarray):
        return {"$array": {"dtype": str(value.dtype), "values": encode(value.tolist())}}
    if isinstance(value, Image.Image):
        png = io.BytesIO()
        value.save(png, format="PNG")
        return {"$image": base64.b64encode(png.getvalue()).decode()}
    if isinstance(value, str):
        return value.replace(ROOT, "$ROOT")
    if value is None or isinstance(value, bool | int):
        return value
    raise TypeError(f"a golden cannot hold a {type(value).__name__}: teach tests/parity/golden.py")


def decode(value: Any) -> Any:
    """The value that `encode` was given."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, str):
        return value.replace("$ROOT", ROOT)
    if not isinstance(value, dict):
        return value
    if "$tuple" in value:
        return tuple(decode(item) for item in value["$tuple"])
    if "$array" in value:
        return np.array(value["$array"]["values"], dtype=value["$array"]["dtype"])
    if "$mask" in value:
        return np.asarray(decode({"$image": value["$mask"]}), bool)
    if "$image" in value:
        return Image.open(io.BytesIO(base64.b64decode(value["$image"])))
    return {key: decode(item) for key, item in value.items()}


def layout(value: Any, indent: str = "") -> str:
    """JSON for people and for diffs: what fits stands on one line, and so do rows of numbers."""
    line = json.dumps(value, ensure_ascii=False)
    inner = indent + "  "
    if len(indent) + len(line) <= WIDTH or not isinstance(value, dict | list):
        return line
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {layout(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}}}"
    if all(isinstance(item, int | float) for item in value):
        return line
    return "[\n" + ",\n".join(inner + layout(item, inner) for item in value) + f"\n{indent}]"


def digest(folder: Path) -> str:
    """What tells a checkpoint from another: a digest of all its files."""
    content = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content.update(file.name.encode() + file.read_bytes())
    return content.hexdigest()[:16]
