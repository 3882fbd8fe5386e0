"""What a made checkpoint consists of, and how it becomes a folder."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import transformers
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from checkpoints import weights

Files = dict[str, Any]
RECIPES: dict[str, Callable[[], "Recipe"]] = {}


@dataclass
class Recipe:
    """A checkpoint before it is made.

    `config` holds what a config.json on the Hub holds, spelled as by transformers 4.48, which 5.x reads as well;
    `vocab_size` is taken from tokenizer.json where there is one. `files` are the files beside it by name: text and
    bytes as they are, all else as JSON. `gains` multiplies the spread of the parameters whose name matches a pattern: a
    head with a gain of 4 spreads its scores. `adjust` changes single weights where chance alone gives no useful model.
    """

    architecture: str
    config: dict[str, Any]
    files: Files = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)
    adjust: Callable[[weights.Arrays], None] | None = None

    def write(self, folder: Path) -> None:
        """Write the checkpoint into the existing, empty `folder`."""
        config = {"architectures": [self.architecture], "torch_dtype": "float32", **self.config}
        if "tokenizer.json" in self.files:
            config["vocab_size"] = Tokenizer.from_str(self.files["tokenizer.json"]).get_vocab_size()
        for name, content in {"config.json": config, **self.files}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            if not isinstance(content, bytes | str):
                content = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        arrays = {name: weights.draw(name, array, self.gains) for name, array in self._untrained(folder).items()}
        if self.adjust:
            self.adjust(arrays)
        save_file(arrays, folder / "model.safetensors", metadata={"format": "pt"})

    def _untrained(self, folder: Path) -> weights.Arrays:
        """Names and shapes as a checkpoint of this architecture on the Hub stores them: tied weights once."""
        model = getattr(transformers, self.architecture)(transformers.AutoConfig.from_pretrained(folder))
        with tempfile.TemporaryDirectory() as saved:
            model.save_pretrained(saved)
            return load_file(Path(saved, "model.safetensors"))


def recipe(function: Callable[[], Recipe]) -> Callable[[], Recipe]:
    """Register a function as the recipe of the checkpoint `<its module>_<its name>`."""
    RECIPES[f"{function.__module__.rpartition('.')[2]}_{function.__name__}"] = function
    return function


def label_maps(labels: list[str]) -> dict[str, Any]:
    """The `id2label` and `label2id` of a config.json."""
    return {
        "id2label": {str(index): label for index, label in enumerate(labels)},
        "label2id": {label: index for index, label in enumerate(labels)},
    }
