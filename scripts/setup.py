"""Set up the Python environments: `.venv` to serve, call and test, and others beside it for what would not fit in.

    python3 scripts/setup.py          # .venv with all that serving and the client need
    python3 scripts/setup.py perf     # and .perf_analyzer, NVIDIA's load generator
    python3 scripts/setup.py test     # and what the tests need
    python3 scripts/setup.py export   # and what scripts/export.py writes ONNX models with
    python3 scripts/setup.py benchmark   # and what scripts/benchmark.py needs besides, .oracle too
    python3 scripts/setup.py docs     # and what builds the site
    python3 scripts/setup.py oracle   # .oracle, with the transformers whose answers are the goldens

Installs what is missing and nothing twice. Needs Python's standard library alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = {
    "serve": (".venv", [["-r", "requirements.txt"], ["--no-deps", "-r", "requirements-files.txt", "-e", "clients"]]),
    "test": (".venv", [["-r", "requirements-test.txt"], ["--no-deps", "-r", "requirements-test-files.txt"]]),
    "perf": (".perf_analyzer", [["--no-deps", "-r", "requirements-perf.txt"]]),
    "export": (".venv", [["-r", "requirements-export.txt"]]),
    "benchmark": (".venv", [["-r", "requirements-benchmark.txt"]]),
    "docs": (".venv", [["-r", "requirements-docs.txt"]]),
    "oracle": (".oracle", [["-r", "requirements-oracle.txt"]]),
}
NEEDS = {
    "test": ("serve", "perf", "export", "benchmark", "test", "docs"),
    "export": ("serve", "export"),
    "benchmark": ("serve", "perf", "export", "benchmark", "oracle"),
    "docs": ("serve", "docs"),
    "perf": ("serve", "perf"),
}
DISK_GB = 4


def main(group: str = "serve") -> None:
    if group not in ENVIRONMENTS:
        raise SystemExit(f"Unknown group {group!r}: choose one of {', '.join(ENVIRONMENTS)}.")
    check()
    for name in NEEDS.get(group, (group,)):
        folder, installs = ENVIRONMENTS[name]
        install(ROOT / folder, name, installs)


def check() -> None:
    """What no package can bring, each with its remedy."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version not in ("3.11", "3.12"):
        raise SystemExit(f"Python {version} is not supported: use 3.11 or 3.12 (make PYTHON=python3.11).")
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        here = f"{platform.system()} {platform.machine()}"
        raise SystemExit(f"The embedded tritonserver needs Linux on x86-64; this is {here}.")
    if importlib.util.find_spec("ensurepip") is None:
        raise SystemExit(f"Python's venv is missing: apt install python{version}-venv")
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < DISK_GB and not (ROOT / ".venv").exists():
        raise SystemExit(f"{ROOT} has {free:.1f} GB free; setting up takes {DISK_GB} GB.")


def install(environment: Path, group: str, installs: list[list[str]]) -> None:
    """One group of requirements into a virtual environment, unless it stands there already."""
    files = [ROOT / argument for arguments in installs for argument in arguments if argument.endswith(".txt")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stamp = environment / f".installed-{group}"
    if stamp.exists() and stamp.read_text() == digest:
        return
    python = environment / "bin" / "python"
    if not python.exists():
        print(f"Making {environment.name} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    torch = [line.split()[0] for line in files[0].read_text().splitlines() if line.startswith("torch==")]
    for arguments in ([torch] if torch else []) + installs:
        print(f"Installing {' '.join(arguments)} into {environment.name} ...", flush=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
        if subprocess.run(command, cwd=ROOT).returncode:
            raise SystemExit("pip failed; see its message above. Run the same command again to go on where it stopped.")
    stamp.write_text(digest)


if __name__ == "__main__":
    main(*sys.argv[1:2])
