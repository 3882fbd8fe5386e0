"""What serving depends on: a lock file with hashes, the licences, a bill of materials, known vulnerabilities.

    python scripts/supply_chain.py lock       # renews requirements.lock, of the versions in deploy/constraints.txt
    python scripts/supply_chain.py licences   # renews docs/licences.md, of what .venv holds of the lock
    python scripts/supply_chain.py sbom       # writes build/sbom.json (CycloneDX), of the lock
    python scripts/supply_chain.py audit      # asks PyPI for known vulnerabilities; exit code 1: some, or unknown

Install from the lock: pip install --no-deps --require-hashes -r requirements.lock. The hashes of torch are PyPI's,
whose build needs CUDA; the one without comes from an index of its own, is installed before, and then pip leaves it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
LICENCES = ROOT / "docs/licences.md"
SBOM = ROOT / "build/sbom.json"
TOOLS = ROOT / ".supply"
PLATFORM = ("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_36")
HEADER = """\
# Every package of serving and its client with the hashes of its files: scripts/supply_chain.py lock
# Without CUDA, torch first: pip install --no-deps --index-url https://download.pytorch.org/whl/cpu torch==VERSION
# pip install --no-deps --require-hashes -r requirements.lock
"""
PAGE = """\
# Licences

Of what serving and the client run on, as the packages themselves say.
`scripts/supply_chain.py licences` writes this page.

| package | version | licence |
|---|---|---|
"""
KNOWN = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "BSD License": "BSD",
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=sorted(COMMANDS))
    return COMMANDS[parser.parse_args(arguments).what]()


def lock() -> int:
    LOCK.parent.joinpath("build").mkdir(exist_ok=True)
    wanted = LOCK.parent / "build/lock.in"
    wanted.write_text("\n".join(f"{name}=={version}" for name, version in pins().items()) + "\n")
    done = run("uv", "pip", "compile", "--quiet", "--no-config", "--no-deps", "--generate-hashes", "--no-header",
               "--no-annotate", *PLATFORM, wanted, capture=True)  # fmt: skip
    if done.returncode == 0:
        LOCK.write_text(HEADER + done.stdout)
    return done.returncode


def licences() -> int:
    installed: dict[str, Distribution] = {canonicalize_name(found.metadata["Name"]): found for found in distributions()}
    wanted = pins()
    rows = [f"| {name} | {wanted[name]} | {licence(installed[name])} |" for name in wanted if name in installed]
    LICENCES.write_text(PAGE + "\n".join(rows) + "\n")
    if missing := wanted.keys() - installed.keys():
        print(f"not installed here, so not listed: {', '.join(sorted(missing))}", file=sys.stderr)
    return 0


def sbom() -> int:
    SBOM.parent.mkdir(exist_ok=True)
    done = run("cyclonedx-py", "requirements", LOCK, "--output-reproducible", "--of", "JSON", "-o", SBOM)
    if done.returncode == 0:
        print(SBOM)
    return done.returncode


def audit() -> int:
    options = ("--strict", "--disable-pip", "--require-hashes", "--progress-spinner", "off")
    return run("pip-audit", "--requirement", LOCK, *options).returncode


def pins() -> dict[str, str]:
    """Name and version of each package: of deploy/constraints.txt, and of the wheels that go in without what they ask
    for."""
    found = {}
    for file in ("deploy/constraints.txt", "requirements-files.txt"):
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / file).read_text(), re.MULTILINE):
            found[canonicalize_name(name)] = version
    return dict(sorted(found.items()))


def licence(package: Distribution) -> str:
    """What a package says of its licence, short."""
    said = package.metadata.json
    text = str(said.get("license_expression", ""))
    if not text:
        classifiers = [text for text in said.get("classifier", ()) if text.startswith("License ::")]
        text = ", ".join(text.rpartition(" :: ")[2] for text in classifiers)
    if not text:
        text = str(said.get("license") or "not said").strip().splitlines()[0]
    for long, short in KNOWN.items():
        text = text.replace(long, short)
    return text


def run(tool: str, *arguments: str | Path, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run one of requirements-supply.txt, installed first where it is missing."""
    program = TOOLS / "bin" / tool
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", TOOLS], check=True)
        command = [str(TOOLS / "bin/pip"), "install", "--quiet", "-r", str(ROOT / "requirements-supply.txt")]
        subprocess.run(command, check=True)
    return subprocess.run([program, *arguments], text=True, stdout=subprocess.PIPE if capture else None)


COMMANDS = {"lock": lock, "licences": licences, "sbom": sbom, "audit": audit}

if __name__ == "__main__":
    sys.exit(main())
