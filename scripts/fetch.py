"""Install several checkpoints into a model repository, each once: what containers do before they serve.

    python scripts/fetch.py --repository /data/models text-classification reviews:text-classification=me/my-model@v2

An entry is [NAME:]TASK[=CHECKPOINT[@REVISION]]: without NAME the deployment is called like its task, without CHECKPOINT
it gets that of the task's pipeline. What is installed already stays untouched, so starting again costs nothing;
what another release of this project installed is installed anew. Several that run on one volume take turns.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from install import default_checkpoint, install
from installing.errors import InstallError
from repository import REPOSITORY, has_weights, models, read_record

ENTRY = re.compile(r"((?P<name>\w+):)?(?P<task>[\w-]+)(=(?P<checkpoint>[^@=\s]+)(@(?P<revision>[\w./-]+))?)?")


class Entry(NamedTuple):
    """One deployment that is wanted."""

    name: str
    task: str
    checkpoint: str | None
    revision: str | None

    @classmethod
    def parse(cls, text: str) -> Entry:
        found = ENTRY.fullmatch(text)
        if not found:
            raise argparse.ArgumentTypeError(f"{text!r} is not [NAME:]TASK[=CHECKPOINT[@REVISION]]")
        task = found["task"].replace("-", "_")
        return cls(found["name"] or task, task, found["checkpoint"], found["revision"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Install what is missing; the exit code is 1 when something cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entries", nargs="+", type=Entry.parse, metavar="ENTRY")
    parser.add_argument("--repository", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--prune", action="store_true", help="remove installed deployments that are no longer named")
    options = parser.parse_args(arguments)
    repository: Path = options.repository
    names = [entry.name for entry in options.entries]
    if twice := {name for name in names if names.count(name) > 1}:
        parser.error(f"named twice: {', '.join(sorted(twice))}")
    try:
        repository.mkdir(parents=True, exist_ok=True)
        with turn(repository):
            for entry in options.entries:
                if is_installed(repository, entry):
                    print(f"{entry.name} is installed.", flush=True)
                else:
                    print(_install(repository, entry), flush=True)
            for name in unnamed(repository, names) if options.prune else []:
                remove(repository, name)
                print(f"Removed {name}: it is no longer named.", flush=True)
    except (InstallError, OSError) as error:
        print(f"fetch.py: {error}", file=sys.stderr)
        return 1
    return 0


def is_installed(repository: Path, entry: Entry) -> bool:
    """Whether the deployment stands there with just this checkpoint and revision."""
    record = read_record(repository, entry.name)
    whole = all((repository / model).is_dir() for model in models(entry.name))
    if not whole or not has_weights(repository, entry.name) or record.get("task") != entry.task:
        return False
    checkpoint, revision = wanted(entry)
    asked = _asked(repository, entry.name)
    if asked.is_file():  # a branch or tag is fetched once; the record has the commit that it was then
        return json.loads(asked.read_text(encoding="utf-8")) == [checkpoint, revision, release(entry.task)]
    same_revision = revision is None or str(record["revision"]).startswith(revision)
    return record["checkpoint"] == checkpoint and same_revision


def wanted(entry: Entry) -> tuple[str, str | None]:
    """Checkpoint and revision, the task's own where none is named."""
    if entry.checkpoint is not None:
        return entry.checkpoint, entry.revision
    if not (REPOSITORY / f"{entry.task}_model").is_dir():
        raise InstallError(f"no task {entry.task.replace('_', '-')!r}")
    checkpoint, pinned = default_checkpoint(entry.task)
    return checkpoint, entry.revision or pinned


def release(task: str) -> str:
    """A digest of the task's configurations and models as this release has them: deployments follow them."""
    paths = (path for model in models(task) for path in sorted((REPOSITORY / model).rglob("*")))
    files = [path for path in paths if path.suffix in (".pbtxt", ".py")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def unnamed(repository: Path, names: Sequence[str]) -> list[str]:
    """Deployments that were installed and are not among the names. What nobody installed is not ours to remove."""
    installed = sorted(folder.name.removesuffix("_model") for folder in repository.glob("*_model"))
    return [name for name in installed if name not in names and read_record(repository, name)]


def remove(repository: Path, name: str) -> None:
    """Remove a deployment's folders. The model step's, which has the record, goes last: a removal that broke off is
    finished the next time."""
    for model in sorted(models(name), key=lambda model: model == f"{name}_model"):
        if (repository / model).exists():
            shutil.rmtree(repository / model)


@contextmanager
def turn(repository: Path) -> Iterator[None]:
    """Alone at work in the repository, among processes that share it."""
    with (repository / ".fetch.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another one installs into this repository; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(repository: Path, entry: Entry) -> str:
    checkpoint, revision = wanted(entry)
    if _asked(repository, entry.name).is_file():  # its configuration may be of another release
        remove(repository, entry.name)
    done = install(entry.task, checkpoint=checkpoint, revision=revision, name=entry.name, repository=repository)
    _asked(repository, entry.name).write_text(json.dumps([checkpoint, revision, release(entry.task)]), encoding="utf-8")
    return done.rpartition("\n")[0]  # without the advice to run serve.py


def _asked(repository: Path, name: str) -> Path:
    return repository / f"{name}_model" / "1" / "asked.json"


if __name__ == "__main__":
    sys.exit(main())
