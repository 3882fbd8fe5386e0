"""The Dockerfiles: linted, pinned, alike, and with all that the commands need."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from serving.triton_wheel import PYTHONS
from tests.deploy.image import CPU, GPU, Dockerfile, is_ignored, unpack_image

ROOT = Path(__file__).parents[2]
HADOLINT = Path(sys.executable).with_name("hadolint")
IMAGES = {"cpu": CPU, "gpu": GPU}
LINTED = {**IMAGES, "export": ROOT / "deploy" / "Dockerfile.export"}


@pytest.mark.parametrize("image", LINTED)
def test_hadolint(image: str) -> None:
    done = subprocess.run([HADOLINT, "--no-color", LINTED[image]], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_notices(tmp_path: Path) -> None:
    """Guards the test above."""
    file = tmp_path / "Dockerfile"
    file.write_text(CPU.read_text().replace("tesseract-ocr=", "tesseract-ocr #"))
    assert "DL3008" in subprocess.run([HADOLINT, "--no-color", file], capture_output=True, text=True).stdout


@pytest.mark.parametrize("image", IMAGES)
def test_the_last_stage(image: str) -> None:
    file = Dockerfile.read(IMAGES[image])
    verbs = [line.split()[0] for line in file.instructions]
    assert "USER 10001:10001" in file.instructions and verbs.index("USER") > max(
        at for at, verb in enumerate(verbs) if verb in ("RUN", "COPY")
    )
    assert "EXPOSE 8000 8001 8002" in file.instructions
    assert not re.search(r"\bpip\b", " ".join(file.instructions))
    assert file.environment["PATH"].startswith("/opt/venv/bin:")


def test_both_images_hold_and_run_the_same() -> None:
    cpu, gpu = Dockerfile.read(CPU), Dockerfile.read(GPU)
    assert cpu.copies == gpu.copies
    assert cpu.command("CMD") == gpu.command("CMD") and cpu.command("HEALTHCHECK") == gpu.command("HEALTHCHECK")
    del cpu.environment["PATH"], gpu.environment["PATH"]
    assert cpu.environment == gpu.environment


@pytest.mark.parametrize("image", IMAGES)
def test_images_are_pinned(image: str) -> None:
    text = IMAGES[image].read_text()
    (base,) = re.findall(r"^ARG BASE=(.*)$", text, flags=re.MULTILINE)
    assert re.search(r":\d+\.\d+", base)
    assert re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE) == ["${BASE}", "${BASE}"]
    assert "PIP_CONSTRAINT=/build/constraints.txt" in text


def test_the_cpu_image_has_a_python_that_the_server_runs() -> None:
    text = CPU.read_text()
    found = re.search(r"python:(\d+)\.(\d+)", text)
    assert found
    version = (int(found[1]), int(found[2]))
    assert version in PYTHONS
    assert f"python{version[0]}.{version[1]}/site-packages" in text and f"! -name {version[0]}.{version[1]}" in text


def test_constraints_pin_every_package_as_tested() -> None:
    """All that requirements.txt brings along, at the versions that are installed here."""
    pins = dict(line.split("==") for line in (ROOT / "deploy/constraints.txt").read_text().splitlines()[1:])
    wanted: dict[str, str] = {}
    lines = (line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    todo = [Requirement(line) for line in lines if line]
    done = set()
    while todo:
        requirement = todo.pop()
        extras = frozenset(requirement.extras)
        if (requirement.name, extras) in done:
            continue
        done.add((requirement.name, extras))
        distribution = importlib.metadata.distribution(requirement.name)
        wanted[canonicalize_name(requirement.name)] = distribution.version.partition("+")[0]
        for line in distribution.requires or ():
            further = Requirement(line)
            if not further.marker or any(further.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                todo.append(further)
    assert pins == wanted


def test_the_context_leaves_out_what_no_image_needs() -> None:
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    for name in (
        "model_repository/fill_mask_model/1/model.safetensors",
        "python_backend/__pycache__/stage.cpython-311.pyc",
        "tests/conftest.py",
        ".env",
        ".git/config",
        ".venv/bin/python",
    ):
        assert is_ignored(name, patterns), name
    for name in (
        "model_repository/fill_mask_model/1/model.py",
        "model_repository/fill_mask/config.pbtxt",
        "model_repository/fill_mask/1/.gitkeep",
        "deploy/constraints.txt",
        "requirements.txt",
        "clients/triton_pipelines/tasks/fill_mask.py",
        "scripts/serve.py",
    ):
        assert not is_ignored(name, patterns), name


def test_no_checkpoint_gets_into_an_image(tmp_path: Path) -> None:
    unpack_image(tmp_path)
    versions = {path.name for path in tmp_path.glob("model_repository/*/1/*")}
    assert versions <= {"model.py", ".gitkeep"} and "model.py" in versions


@pytest.mark.parametrize("image", IMAGES)
def test_commands_find_their_scripts(image: str, tmp_path: Path) -> None:
    unpack_image(tmp_path, IMAGES[image])
    for verb in ("CMD", "HEALTHCHECK"):
        assert (tmp_path / Dockerfile.read(IMAGES[image]).command(verb)[1]).is_file()
    for script in ("fetch.py", "ask.py", "serve_container.py", "probe.py"):
        done = subprocess.run(
            [sys.executable, f"scripts/{script}", "--help"], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
