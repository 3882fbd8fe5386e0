"""Make the small checkpoints that tests and demonstrations run where there is no network.

    python scripts/make_checkpoints.py [NAME ...] [--out .checkpoints]

Names are `<task>_<architecture>`; none given makes all. What is there and made by the same recipes is skipped.
"""

import argparse
import ast
import fcntl
import hashlib
import importlib
import json
import os
import pkgutil
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import transformers

import checkpoints
from checkpoints.recipe import RECIPES

ROOT = Path(__file__).parents[1]
PACKAGE = Path(checkpoints.__file__).parent
FINGERPRINTS = ".recipes.json"


def main() -> int:
    """Make what is asked for; the exit code is 2 for an unknown name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--out", type=Path, default=ROOT / ".checkpoints", metavar="FOLDER")
    arguments = parser.parse_args()
    for module in pkgutil.iter_modules(checkpoints.__path__):
        importlib.import_module(f"checkpoints.{module.name}")
    unknown = [name for name in arguments.names if name not in RECIPES]
    if unknown:
        print(f"no recipe for {', '.join(unknown)}; there are: {', '.join(RECIPES)}", file=sys.stderr)
        return 2
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    arguments.out.mkdir(parents=True, exist_ok=True)
    folder = os.open(arguments.out, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # another run that makes the same waits, and then finds them
        for name in arguments.names or RECIPES:
            make(name, arguments.out)
    finally:
        os.close(folder)
    return 0


def make(name: str, out: Path) -> None:
    """Make the checkpoint `name` in `out`, unless it is there already, and say which."""
    known = out / FINGERPRINTS
    made = json.loads(known.read_text()) if known.exists() else {}
    fingerprint = recipe_fingerprint(name)
    folder = out / name
    if folder.exists() and made.get(name) == fingerprint:
        print(f"{name}: there")
        return
    with tempfile.TemporaryDirectory(dir=out, prefix=".") as unfinished:
        new = Path(unfinished, name)
        new.mkdir()
        RECIPES[name]().write(new)
        changed = contents(new) != contents(folder)
        if changed:  # else whoever reads the folder now is left in peace
            shutil.rmtree(folder, ignore_errors=True)
            new.rename(folder)
    known.write_text(json.dumps(made | {name: fingerprint}, indent=2, sort_keys=True) + "\n")
    size = sum(map(len, contents(folder).values()))
    print(f"{name}: {'made' if changed else 'as before'}, {size / 1e6:.1f} MB", flush=True)


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder; none where there is no folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def recipe_fingerprint(name: str) -> str:
    """A digest of all that decides what the checkpoint `name` holds."""
    modules = sources(RECIPES[name].__module__.rpartition(".")[2])
    files = [*(PACKAGE / f"{module}.py" for module in sorted(modules)), ROOT / "tests" / "data" / "page.txt"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


@cache
def sources(module: str) -> frozenset[str]:
    """The modules of recipes that one imports, itself among them."""
    found = {module}
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "checkpoints":
            found.update(*(sources(alias.name) for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("checkpoints."):
            found |= sources(str(node.module).removeprefix("checkpoints."))
    return frozenset(found)


if __name__ == "__main__":
    sys.exit(main())
