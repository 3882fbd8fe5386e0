"""Install a checkpoint into a model repository, ready to be served.

python scripts/install.py text-classification                                        # the pipeline's default
python scripts/install.py text-classification --checkpoint ./my-model                # a folder, or an id on the Hub
python scripts/install.py text-classification --checkpoint ./my-model --name second  # beside the first
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from installing import config as config_file
from installing import image_processor, tokenizer
from installing.architectures import TEXT_TASKS, check, is_native
from installing.errors import InstallError
from installing.fonts import find_font
from installing.source import (
    LANGUAGE_MODEL,
    SMALL,
    Source,
    count_parameters,
    fetch,
    place,
    place_weights,
    weights,
)
from installing.text_to_audio import find_vocoder, place_vocoder, place_voices
from repository import (
    RECORD,
    REPOSITORY,
    STEPS,
    WEIGHTS,
    latest_version,
    models,
    read_config,
    repository_option,
    task_of,
    tasks,
)

VERSION = "1"
PROCESSORS = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")
"""Where a checkpoint has the settings of its image processor."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Install; the exit code is 1 when that fails, and then the checkpoint that was there before still is."""
    options = parse(arguments)
    try:
        print(install(**vars(options)))
    except (InstallError, OSError) as error:
        print(f"install.py: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", metavar="TASK", help="fill-mask, text-generation ...")
    parser.add_argument("--checkpoint", metavar="HUB_ID_OR_FOLDER", help="default: that of the task's pipeline")
    parser.add_argument("--revision", metavar="SHA", help="of the Hub; default: the newest, or the pinned one")
    parser.add_argument("--name", metavar="NAME", help="of the deployment; default: the task's")
    parser.add_argument("--repository", type=Path, default=REPOSITORY, metavar="FOLDER")
    parser.add_argument(
        "--vocoder", metavar="HUB_ID_OR_FOLDER", help="of a SpeechT5; default: its own, or that of the pipeline"
    )
    parser.add_argument("--allow-pickle", action="store_true", help="take pytorch_model.bin where nothing safer is")
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="let the checkpoint run Python code of its own"
    )
    return parser.parse_args(arguments)


def install(
    task: str,
    *,
    checkpoint: str | None = None,
    revision: str | None = None,
    name: str | None = None,
    repository: Path = REPOSITORY,
    vocoder: str | None = None,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
) -> str:
    """Install a checkpoint; the arguments are those of the command line. Returns a report of what was done."""
    task = task.replace("-", "_")
    if task not in tasks():
        raise InstallError(f"no task {task.replace('_', '-')!r}; there are {', '.join(tasks()).replace('_', '-')}")
    name, repository = check_name(name or task, task, repository), repository.resolve()
    if checkpoint is None:
        checkpoint, pinned = default_checkpoint(task)
        revision = revision or pinned
    source = fetch(checkpoint, revision, allow_pickle, trust_remote_code)
    if source.revision is None and revision:
        raise InstallError(f"{checkpoint} is a folder and has no revisions; leave --revision out")
    config = source.config()
    remote_code = check_code(source, config, trust_remote_code)
    check(task, config, remote_code)
    check_processor(task, source)
    files = weights(source, allow_pickle)
    vocoder_source = find_vocoder(task, config, source, vocoder, allow_pickle)
    font = find_font(config, source)
    size = sum(file.stat().st_size for file in files)

    make_deployment(task, name, repository)
    if (free := shutil.disk_usage(repository).free) < size:
        raise InstallError(f"{repository} has {_megabytes(free)} free, the weights take {_megabytes(size)}")
    record: dict[str, Any] = {
        "task": task,
        "checkpoint": checkpoint,
        "revision": source.revision,
        "architecture": ", ".join(config.get("architectures") or [str(config.get("model_type"))]),
        "installed": datetime.now(UTC).isoformat(timespec="seconds"),
        "trust_remote_code": remote_code,
    }
    if vocoder_source:
        record["vocoder"] = {"checkpoint": vocoder_source.checkpoint, "revision": vocoder_source.revision}
    with new_versions(repository, name) as folders:
        place_small_files(task, source, folders, font)
        place_model(source, files, folders["model"], remote_code)
        if vocoder_source:
            place_vocoder(vocoder_source, folders["model"], folders["postprocess"], allow_pickle)
        record["parameters"] = count_parameters(folders["model"])
        (folders["model"] / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if obstacle := quantization_obstacle(config):
        print(f"The weights are quantized; PyTorch does not load them here: {obstacle}", file=sys.stderr)
    return report(repository, name, record, size)


def report(repository: Path, name: str, record: dict[str, Any], size: int) -> str:
    """What was done, by the record of it, and what comes next."""
    return "\n".join([
        f"Installed {record['checkpoint']}" + (f" at {record['revision']}" if record["revision"] else ""),
        f"{record['architecture']}, {record['parameters']:,} parameters, {_megabytes(size)}",
        *(f"  {folder}" for folder in version_folders(repository, name).values()),
        f"Next: python scripts/serve.py {name}{repository_option(repository)}",
    ])  # fmt: skip


def check_name(name: str, task: str, repository: Path) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", name) or name.endswith(tuple(f"_{step}" for step in STEPS)):
        raise InstallError(
            f"{name!r} cannot be a deployment's name: use a-z, 0-9 and _, and none of {', '.join(STEPS)} at its end"
        )
    if (repository / f"{name}_model").is_dir() and (other := task_of(repository, name)) != task:
        raise InstallError(f"{name} is a deployment of {other.replace('_', '-')}; choose another --name")
    return name


def check_code(source: Source, config: dict[str, Any], trusted: bool) -> bool:
    """Whether the checkpoint's own Python code has to run; InstallError unless the caller trusts it."""
    if "auto_map" not in config or is_native(config):
        return False
    if not trusted:
        raise InstallError(
            f"{source.checkpoint} needs Python code that comes with it. If you have read it and trust it: "
            "--trust-remote-code"
        )
    return True


def check_processor(task: str, source: Source) -> None:
    """InstallError for a task of pictures or videos where nothing says how they become tensors. Documents may come as
    words alone."""
    if task == "document_question_answering" or not re.search(r'"(IMAGE|VIDEO)"', read_config(REPOSITORY, task)):
        return
    if not any((source.folder / file).is_file() for file in PROCESSORS):
        raise InstallError(
            f"{source.checkpoint} has no {PROCESSORS[0]}, which says how pictures become tensors: save that of the "
            "model it was trained from beside it, AutoImageProcessor.from_pretrained(MODEL).save_pretrained(FOLDER)"
        )


def quantization_obstacle(config: dict[str, Any]) -> str | None:
    """What this machine lacks for quantized weights, in the words of transformers: packages, or a GPU. Another machine
    may have it, and vLLM has its own ways."""
    if not (settings := config.get("quantization_config")):
        return None
    from transformers.quantizers import AutoHfQuantizer

    try:
        AutoHfQuantizer.from_config(dict(settings)).validate_environment()
    except (ImportError, RuntimeError, ValueError) as error:
        return str(error)
    return None


def default_checkpoint(task: str) -> tuple[str, str | None]:
    """`checkpoint` and `revision` of the task's model configuration."""
    found = dict(
        re.findall(
            r'key:\s*"(checkpoint|revision)"\s*value\s*:?\s*\{\s*string_value:\s*"([^"]*)"',
            read_config(REPOSITORY, f"{task}_model"),
        )
    )
    if "checkpoint" not in found:
        raise InstallError(f"{task.replace('_', '-')} has no default checkpoint; give one with --checkpoint")
    return found["checkpoint"], found.get("revision")


def make_deployment(task: str, name: str, repository: Path) -> None:
    """The four folders of the task under another name, or in another repository, where they are not there yet."""
    for of_task, model in zip(models(task), models(name), strict=True):
        source, target = REPOSITORY / of_task, repository / model
        if target.is_dir():
            continue
        new = target.with_name(f".{target.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        (new / VERSION).mkdir(parents=True)
        for file in (*source.glob("*.pbtxt"), *source.glob("configs/*.pbtxt")):
            goal = new / file.relative_to(source)
            goal.parent.mkdir(exist_ok=True)
            goal.write_text(rename(file.read_text(encoding="utf-8"), task, name), encoding="utf-8")
        place(source.glob(f"{VERSION}/*.py"), new / VERSION, link=False)
        new.rename(target)


def rename(config: str, task: str, name: str) -> str:
    """A config.pbtxt, its comments included, for another deployment: its own name and those of its steps."""
    pattern = rf'\b((?:model_)?name\s*:\s*)"{task}((?:_(?:{"|".join(STEPS)}))?)"'
    return re.sub(pattern, rf'\1"{name}\2"', config)


@contextmanager
def new_versions(repository: Path, name: str) -> Iterator[dict[str, Path]]:
    """A folder of each step, with its model.py, to put a checkpoint into; they take the places of the old ones where
    nothing fails."""
    folders = version_folders(repository, name)
    new = {step: folder.with_name(f".{folder.name}.new") for step, folder in folders.items()}
    try:
        for step, folder in folders.items():
            shutil.rmtree(new[step], ignore_errors=True)
            new[step].mkdir()
            place(folder.glob("*.py"), new[step], link=False)
        yield new
    except BaseException:
        for folder in new.values():
            shutil.rmtree(folder, ignore_errors=True)
        raise
    for step, folder in folders.items():
        exchange(folder, new[step])


def place_small_files(task: str, source: Source, folders: dict[str, Path], font: Path | None) -> None:
    """Configurations and tokenizer into the folders of all steps, completed; what one step reads into that one's."""
    for folder in folders.values():
        place((source.folder / file for file in SMALL if (source.folder / file).is_file()), folder, link=False)
        config_file.mend(folder)
        image_processor.write(folder)
        tokenizer.write(source.folder, folder)
    if task in TEXT_TASKS and not (folders["preprocess"] / "tokenizer.json").is_file():
        raise InstallError(
            f"{source.checkpoint} has no tokenizer, and {task.replace('_', '-')} reads texts: put its "
            "files beside the model (tokenizer.save_pretrained)"
        )
    if font:
        place([font], folders["preprocess"], link=False)
    if (source.folder / LANGUAGE_MODEL).is_dir():
        folder = folders["postprocess"] / LANGUAGE_MODEL
        folder.mkdir()
        place((source.folder / LANGUAGE_MODEL).iterdir(), folder, link=source.revision is not None)


def place_model(source: Source, files: list[Path], folder: Path, remote_code: bool) -> None:
    """Weights, voices and the checkpoint's own code, where that is to run, into the model's folder."""
    if remote_code:
        place(source.folder.glob("*.py"), folder, link=False)
    place_weights(source, files, folder)
    place_voices(source, folder)


def version_folders(repository: Path, name: str) -> dict[str, Path]:
    """The folder of each step that a checkpoint is installed into: of its newest version."""
    models = {step: f"{name}_{step}" for step in STEPS}
    return {step: repository / model / str(latest_version(repository, model)) for step, model in models.items()}


def exchange(folder: Path, new: Path) -> None:
    """Put `new` in the place of `folder`. Engines that were exported of the former weights go with them."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    new.rename(folder)
    for engine in sorted(path.name for path in old.iterdir() if path.suffix in WEIGHTS[1:]):
        print(f"Removed {engine}: it was made of the former weights. Export it again.")
    shutil.rmtree(old)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
