"""The CPU image in a real container, hardened as in docker-compose.yml. Needs a Docker engine and the built image."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from install import install

ROOT = Path(__file__).parents[2]
IMAGE = "triton-pipelines:cpu"
DEADLINE = 180


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    try:
        client = docker.from_env()
        client.ping()
    except docker.errors.DockerException as error:
        pytest.skip(f"there is no Docker engine: {error}")
    try:
        client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        pytest.skip(f"no image {IMAGE}: docker build -f deploy/Dockerfile.cpu -t {IMAGE} .")
    yield client
    client.close()


@pytest.fixture(scope="module")
def container(
    engine: docker.DockerClient, checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The service `triton` with one deployment, once it is healthy. It needs no network to be asked from within."""
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["triton"]
    data = tmp_path_factory.mktemp("data")
    checkpoint = checkpoints / "text_classification_bert"
    install("text-classification", checkpoint=str(checkpoint), repository=data / "models")
    data.chmod(0o755)  # for the user in the container
    container = engine.containers.run(
        IMAGE,
        detach=True,
        init=service["init"],
        network_mode="none",
        read_only=service["read_only"],
        cap_drop=service["cap_drop"],
        security_opt=service["security_opt"],
        tmpfs=dict(mount.split(":", 1) for mount in service["tmpfs"]),
        shm_size="1g",
        volumes={str(data): {"bind": "/data", "mode": "ro"}},
        healthcheck={"interval": 3 * 10**9},  # of the image's, how often
    )
    try:
        deadline = time.monotonic() + DEADLINE
        while container.attrs["State"].get("Health", {}).get("Status") != "healthy":
            assert time.monotonic() < deadline and container.status in ("created", "running"), container.logs().decode()
            time.sleep(1)
            container.reload()
        yield container
    finally:
        container.remove(force=True)


def test_it_runs_without_rights(container: Any) -> None:
    assert container.exec_run("id -u").output == b"10001\n"
    code, said = container.exec_run("touch /opt/triton-pipelines/file /data/file")
    assert code == 1 and said.count(b"Read-only file system") == 2


def test_it_answers(container: Any) -> None:
    code, said = container.exec_run("python scripts/ask.py text-classification")
    assert code == 0 and said.startswith(b"text-classification: [{'label'"), said.decode()


def test_a_dead_stub_makes_it_unhealthy(container: Any) -> None:
    script = (
        "import psutil, signal\n"
        "for process in psutil.process_iter():\n"
        "    if process.name().startswith('triton_python'): process.kill()\n"
    )
    assert container.exec_run(["python", "-c", script]).exit_code == 0
    code, said = container.exec_run("python scripts/probe.py --repository /data/models")
    assert code == 1 and b"not healthy" in said


def test_it_stops(container: Any) -> None:
    container.stop(timeout=60)
    assert container.wait()["StatusCode"] == 0, container.logs().decode()
