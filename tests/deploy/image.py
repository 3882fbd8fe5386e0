"""The CPU image without Docker: the files that its Dockerfile copies, in a folder, and its commands run there."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from serving.ports import choose_ports

ROOT = Path(__file__).parents[2]
CPU, GPU = ROOT / "deploy" / "Dockerfile.cpu", ROOT / "deploy" / "Dockerfile"
HOME = "/opt/triton-pipelines"
DEADLINE = 90


@dataclass
class Dockerfile:
    """The last stage of a Dockerfile."""

    copies: list[tuple[str, str]] = field(default_factory=list)
    """From the build context: source and target."""
    environment: dict[str, str] = field(default_factory=dict)
    instructions: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Dockerfile:
        text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
        last = re.split(r"^FROM .*$", text, flags=re.MULTILINE)[-1]
        file = cls(instructions=[" ".join(line.split()) for line in last.splitlines() if line.strip()])
        for line in file.instructions:
            verb, _, rest = line.partition(" ")
            if verb == "COPY" and not rest.startswith("--from"):
                *sources, target = rest.split()
                file.copies += [(source, target) for source in sources]
            elif verb == "ENV":
                file.environment |= dict(pair.split("=", 1) for pair in rest.split())
        return file

    def command(self, verb: str) -> list[str]:
        """The arguments of CMD or HEALTHCHECK, which are JSON."""
        (line,) = (line for line in self.instructions if line.startswith(f"{verb} "))
        return json.loads(line[line.index("[") :])


@dataclass
class Running:
    """The image's server at work."""

    root: Path
    data: Path
    environment: dict[str, str]
    process: subprocess.Popen[str]
    ports: list[int]
    log: Path
    files: set[Path]
    """What lay in the root before the start."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def grpc_url(self) -> str:
        return f"127.0.0.1:{self.ports[1]}"

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[2]}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def run(self, command: list[str], *more: str) -> subprocess.CompletedProcess[str]:
        """A command of the image, in its folder."""
        return subprocess.run(
            [*real(command, self.data), *more], cwd=self.root, env=self.environment, capture_output=True, text=True
        )


def unpack_image(root: Path, dockerfile: Path = CPU) -> None:
    """Copy what the Dockerfile copies of what .dockerignore lets through."""
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    for source, target in Dockerfile.read(dockerfile).copies:
        for path in sorted((ROOT / source).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and not is_ignored(name, ignored):
                goal = root / target / path.relative_to(ROOT / source)
                goal.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, goal)


def files(folder: Path) -> set[Path]:
    """What lies there, but for bytecode."""
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def is_ignored(name: str, patterns: list[str]) -> bool:
    """Whether .dockerignore keeps a path out: the last pattern that fits it, or a folder above it, decides."""
    ignored = False
    parents = [name, *(str(parent) for parent in Path(name).parents)]
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        depth = wanted.count("/")
        for path in parents:
            anywhere = wanted.startswith("**/") and fnmatch.fnmatch(Path(path).name, wanted[3:])
            if anywhere or (path.count("/") == depth and fnmatch.fnmatch(path, wanted)):
                ignored = not pattern.startswith("!")
    return ignored


def real(command: list[str], data: Path) -> list[str]:
    """A command of the image with this interpreter and this folder of data."""
    return [sys.executable if word == "python" else word.replace("/data", str(data)) for word in command]


@contextlib.contextmanager
def start(root: Path, data: Path) -> Iterator[Running]:
    """Run the image's start command, with ports of its own on loopback, until it serves."""
    dockerfile = Dockerfile.read(CPU)
    ports = choose_ports("127.0.0.1", 0, 0, 0)
    own = {name: value.replace("/data", str(data)) for name, value in dockerfile.environment.items() if name != "PATH"}
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        **{name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")},
        **own,
        "TRITON_PIPELINES_ADMIN_KEY": secrets.token_urlsafe(),
        "TRITON_PIPELINES_EXIT_TIMEOUT": "5",
    }
    options = [f"--{name}-port={port}" for name, port in zip(("http", "grpc", "metrics"), ports, strict=True)]
    log, before = data / "log.txt", files(root)
    with log.open("w") as output:
        process = subprocess.Popen(
            [*real(dockerfile.command("CMD"), data), "--host=127.0.0.1", *options],
            cwd=root,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    running = Running(root, data, environment, process, ports, log, before)
    try:
        deadline = time.monotonic() + DEADLINE
        while "Ctrl+C stops" not in log.read_text():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
