"""Where a checkpoint comes from: a folder, or the Hugging Face Hub. What is taken of it: weights and small files."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from installing.errors import InstallError

SMALL = (
    "config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json",
    "video_preprocessor_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "chat_template.json", "chat_template.jinja",
    "alphabet.json", "speaker_embeddings_path.json",
)  # fmt: skip
"""What every stage of a deployment gets, where the checkpoint has it."""
VOCABULARIES = (
    "vocab.txt", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "spm.model",
    "spm_char.model", "source.spm", "vocab-src.json", "prophetnet.tokenizer",
)  # fmt: skip
"""What a missing tokenizer.json is made of, besides vocab.json; or cannot be, and then that is said."""
ADAPTER = "adapter_config.json"
LANGUAGE_MODEL = "language_model"
"""The folder of a speech model's language model: what decodes gets it, the postprocessor."""
VOICES = "speaker_embeddings"
"""The folder of Bark's voices, which speaker_embeddings_path.json lists: the model gets them."""
SAFE = ("model.safetensors", "model.safetensors.index.json", "model-?????-of-?????.safetensors")
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-?????-of-?????.bin")
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


class CheckpointError(InstallError):
    """The checkpoint cannot be had, or has nothing that can be installed; the message says what helps."""


class Source(NamedTuple):
    """A checkpoint that lies on this machine."""

    checkpoint: str
    """As the caller named it."""
    revision: str | None
    """The commit on the Hub; None for a folder."""
    folder: Path

    def config(self) -> dict[str, Any]:
        if not (self.folder / "config.json").is_file():
            if base := self.read(ADAPTER).get("base_model_name_or_path"):
                raise CheckpointError(
                    f"{self.checkpoint} is an adapter of {base}: merge the two with PEFT's merge_and_unload(), save "
                    "the model and its tokenizer, and install that folder"
                )
            raise CheckpointError(f"{self.checkpoint} has no config.json: it is no transformers checkpoint")
        return self.read("config.json")

    def read(self, name: str) -> dict[str, Any]:
        """One of its JSON files; empty where it has none of that name."""
        return read_json(self.folder / name)


def read_json(file: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing where there is none. CheckpointError where it is damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CheckpointError(f"{file.name} is damaged: {error}") from None


def fetch(checkpoint: str, revision: str | None, with_pickles: bool, with_code: bool) -> Source:
    """The checkpoint of a folder, or of the Hub: what was downloaded before stays in the Hub's cache."""
    folder = Path(checkpoint).expanduser()
    if checkpoint and folder.is_dir():
        return Source(checkpoint, None, folder.resolve())
    if checkpoint.startswith((".", "/", "~")) or not HUB_ID.fullmatch(checkpoint):
        raise CheckpointError(f"{checkpoint!r} is neither a folder nor the id of a model on the Hugging Face Hub")
    patterns = [
        *SMALL,
        ADAPTER,
        *VOCABULARIES,
        f"{LANGUAGE_MODEL}/*",
        f"{VOICES}/*.npy",
        *SAFE,
        *(PICKLED if with_pickles else ()),
        *(("*.py",) if with_code else ()),
    ]
    path = download(checkpoint, revision, patterns)
    return Source(checkpoint, path.name, path)


def download(checkpoint: str, revision: str | None, patterns: list[str]) -> Path:
    """The folder of the Hub's cache with those of the files that fit one of the patterns."""
    from huggingface_hub import errors, snapshot_download

    where = f"{checkpoint}{f' at revision {revision}' if revision else ''}"
    try:
        return Path(snapshot_download(checkpoint, revision=revision, allow_patterns=patterns))
    except errors.GatedRepoError:
        raise CheckpointError(f"{where} asks for consent: accept it on its Hub page, then set HF_TOKEN") from None
    except errors.RepositoryNotFoundError:
        raise CheckpointError(f"the Hub has no model {checkpoint}, or it is private (set HF_TOKEN)") from None
    except errors.RevisionNotFoundError:
        raise CheckpointError(f"the Hub has no {where}") from None
    except OSError as error:
        if getattr(error, "errno", None):  # of the disk, not of the network
            raise
        raise CheckpointError(
            f"cannot reach the Hugging Face Hub for {where}, and it was not downloaded before; "
            "give a checkpoint in a folder instead: --checkpoint ./folder"
        ) from None


def weights(source: Source, allow_pickle: bool) -> list[Path]:
    """The files that hold the weights: safetensors if there are any, else pickles if those are allowed.

    An index of several files comes first.
    """
    if safe := _listed(source, "model.safetensors"):
        return safe
    pickled = _listed(source, "pytorch_model.bin")
    if pickled and allow_pickle:
        return pickled
    if pickled or source.revision:
        raise CheckpointError(
            f"{source.checkpoint} has no model.safetensors. A pickle (pytorch_model.bin) can run code when it is read; "
            "if it has one and you trust it: --allow-pickle"
        )
    there = ", ".join(sorted(path.name for path in source.folder.iterdir() if path.is_file())) or "nothing"
    raise CheckpointError(f"{source.checkpoint} has no model.safetensors, but {there}")


def _listed(source: Source, name: str) -> list[Path]:
    index = source.folder / f"{name}.index.json"
    if (source.folder / name).is_file():
        return [source.folder / name]
    if not index.is_file():
        return []
    shards = sorted(set(source.read(index.name).get("weight_map", {}).values()))
    if not shards:
        raise CheckpointError(f"{source.checkpoint}: {index.name} names no file")
    if strange := [shard for shard in shards if Path(shard).name != shard]:
        raise CheckpointError(f"{index.name} of {source.checkpoint} names a file outside of it: {strange[0]!r}")
    if missing := [shard for shard in shards if not (source.folder / shard).is_file()]:
        raise CheckpointError(f"{source.checkpoint} is incomplete: {', '.join(missing)} is missing")
    return [index, *(source.folder / shard for shard in shards)]


def place(files: Iterable[Path], target: Path, link: bool) -> None:
    """Put files, or what links lead to, into the folder `target`.

    Args:
        link: make hard links where the disk allows; for files that nobody changes, those of the Hub's cache.
    """
    for file in files:
        real, goal = file.resolve(), target / file.name
        try:
            if not link:
                raise OSError
            goal.hardlink_to(real)
        except OSError:
            shutil.copyfile(real, goal)


def place_weights(source: Source, files: list[Path], target: Path) -> None:
    """Weights, by their files as `weights` gives them, into the folder `target`."""
    if files[-1].suffix == ".bin":
        unpickle(files, target)
    else:
        place(files, target, link=source.revision is not None)


def unpickle(files: list[Path], target: Path) -> None:
    """Pickled weights as safetensors in the folder `target`, in files of the same numbering."""
    import torch
    from safetensors.torch import save_file

    for file in files:
        name = file.name.replace("pytorch_model", "model").replace(".bin", ".safetensors")
        if file.suffix == ".json":
            index = json.loads(file.read_text(encoding="utf-8"))
            index["weight_map"] = {
                key: shard.replace("pytorch_model", "model").replace(".bin", ".safetensors")
                for key, shard in index["weight_map"].items()
            }
            (target / name).write_text(json.dumps(index, indent=2), encoding="utf-8")
            continue
        try:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            raise CheckpointError(
                f"{file.name} holds more than weights, or is damaged: {error}".splitlines()[0]
            ) from None
        # Tensors that share memory (tied weights) are written each for itself; safetensors has no sharing.
        save_file({key: value.clone().contiguous() for key, value in tensors.items()}, target / name, {"format": "pt"})


def count_parameters(folder: Path) -> int:
    """How many numbers the safetensors of a folder hold."""
    from math import prod

    from safetensors import safe_open

    total = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "np") as tensors:
            total += sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    return total
