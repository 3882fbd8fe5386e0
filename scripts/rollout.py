"""Another checkpoint for a deployment that is being served, without a failed request.

    python scripts/rollout.py reviews --checkpoint ./new            # version 2 beside version 1; then 1 goes
    python scripts/rollout.py reviews --version 1                   # back: version 1 is still on the disk

The steps load the new version beside the old one. Then the ensemble changes to the new version of all of them at once:
each request runs through one version from its start to its end. The old one is unloaded; its files stay.
When the new version does not load, nothing has changed for callers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from install import install
from installing.errors import InstallError
from repository import REPOSITORY, STEPS, deployments, latest_version, read_config, task_of
from serving import administration

POLICY = re.compile(r"^version_policy\s*:?\s*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}.*\n?", re.MULTILINE)
TIMEOUT = 600


class RolloutError(RuntimeError):
    """The new version is not served; the message says why, and what is."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME", help="of the deployment")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--checkpoint", metavar="HUB_ID_OR_FOLDER", help="to install as the next version")
    which.add_argument("--version", type=int, metavar="N", help="one that is installed")
    parser.add_argument("--revision", metavar="SHA", help="of the Hub")
    parser.add_argument("--repository", type=Path, default=REPOSITORY, metavar="FOLDER")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the server; default %(default)s")
    options = parser.parse_args(arguments)
    name, repository = options.name.replace("-", "_"), options.repository.resolve()
    try:
        if name not in deployments(repository):
            raise RolloutError(f"{repository} has no deployment {name!r}; it has {', '.join(deployments(repository))}")
        served_version(repository, name, options.url)  # or nothing is installed
        version = options.version
        if version is None:
            version = add(repository, name, options.checkpoint, options.revision)
        roll_out(repository, name, version, options.url)
    except (RolloutError, InstallError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{name} is version {version}.")
    return 0


def add(repository: Path, name: str, checkpoint: str, revision: str | None = None) -> int:
    """Install a checkpoint as the next version of a deployment's steps; returns its number."""
    version = 1 + max(latest_version(repository, f"{name}_{step}") for step in STEPS)
    with tempfile.TemporaryDirectory(dir=repository.parent, prefix=".rollout-") as scratch:
        install(
            task_of(repository, name), checkpoint=checkpoint, revision=revision, name=name, repository=Path(scratch)
        )
        for step in STEPS:
            shutil.move(Path(scratch, f"{name}_{step}", "1"), repository / f"{name}_{step}" / str(version))
    return version


def roll_out(repository: Path, name: str, version: int, url: str) -> None:
    """Let a served deployment change to another version of its steps. RolloutError where that fails."""
    old = served_version(repository, name, url)
    models = [f"{name}_{step}" for step in STEPS]
    for model in models:
        if not (repository / model / str(version)).is_dir():
            raise RolloutError(f"{model} has no version {version}")
    if old == version:
        raise RolloutError(f"{name} is version {version} already")

    def change(versions: Sequence[int], used: int) -> None:
        """Let the steps have these versions loaded, and the ensemble use one of them. It brings its steps along."""
        for model in models:
            keep(repository, model, versions)
        point(repository, name, used)
        load(url, name)

    change([old], old)  # not "the newest", which steps would change to one after the other
    try:
        for model in models:  # each by itself: one that fails would take the ensemble with it
            keep(repository, model, sorted((old, version)))
            load(url, model)
        change(sorted((old, version)), version)
    except RolloutError as error:
        change([old], old)
        raise RolloutError(f"{error}\n{name} is still version {old}.") from None
    change([version], version)


def served_version(repository: Path, name: str, url: str) -> int:
    """The version that the ensemble names; where it names none, the newest that the server has loaded."""
    named = re.findall(r"\bmodel_version\s*:\s*(-?\d+)", read_config(repository, name))
    versions = {int(number) for number in named}
    if versions == {-1}:
        return max(map(int, json.loads(ask(f"{url}/v2/models/{name}_model"))["versions"]))
    if len(versions) != 1:
        raise RolloutError(f"{name}/config.pbtxt names versions {sorted(versions)}; it must be one for all steps")
    return versions.pop()


def configurations(repository: Path, model: str) -> list[Path]:
    """config.pbtxt, and those beside it: the server runs the one that --model-config-name chose."""
    return [repository / model / "config.pbtxt", *(repository / model).glob("configs/*.pbtxt")]


def point(repository: Path, name: str, version: int) -> None:
    """Let the ensemble use this version of its steps."""
    for file in configurations(repository, name):
        text = file.read_text(encoding="utf-8")
        write(file, re.sub(r"\bmodel_version\s*:\s*-?\d+", f"model_version: {version}", text))


def keep(repository: Path, model: str, versions: Sequence[int]) -> None:
    """Let a step have these versions loaded."""
    policy = f"version_policy {{ specific {{ versions: [ {', '.join(map(str, versions))} ] }} }}"
    for file in configurations(repository, model):
        text = POLICY.sub("", file.read_text(encoding="utf-8"))
        write(file, f"{text.rstrip()}\n{policy}\n")


def write(file: Path, text: str) -> None:
    """All of it or nothing: Triton may read it at any time."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


def load(url: str, model: str) -> None:
    """Let the server load a model as it is on the disk now; what runs in it goes on until it is ready."""
    key = os.environ.get(administration.VARIABLE, "")
    headers = {"Content-Type": "application/json", **administration.headers(key)}
    ask(urllib.request.Request(f"{url}/v2/repository/models/{model}/load", b"{}", headers))


def ask(request: str | urllib.request.Request) -> bytes:
    """The server's answer. RolloutError for an error, which names the model."""
    where = request if isinstance(request, str) else request.full_url
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        reason = error.read().decode(errors="replace")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            reason = json.loads(reason)["error"]
        raise RolloutError(f"{where}: {reason}") from None
    except OSError as error:
        raise RolloutError(f"{where} cannot be asked: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
