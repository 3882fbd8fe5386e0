"""docker-compose.yml: valid, and what its services promise each other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fetch import Entry
from tests.deploy.image import CPU, Dockerfile

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")


def settings() -> dict[str, str]:
    lines = (ROOT / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    """The file, with the settings of .env."""
    text = (ROOT / "docker-compose.yml").read_text()
    return yaml.safe_load(VARIABLE.sub(lambda found: settings().get(found[1], found[2] or ""), text))


@pytest.fixture(scope="module")
def services(file: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return file["services"]


def compose() -> list[str]:
    """Docker's own or Debian's docker-compose."""
    if shutil.which("docker"):
        plugin = ["docker", "compose"]
        if subprocess.run([*plugin, "version"], capture_output=True).returncode == 0:
            return plugin
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.skip("neither docker compose nor docker-compose is installed")


@pytest.mark.parametrize("profile", ["cpu", "gpu", "perf"])
def test_compose_takes_it(profile: str) -> None:
    command = [*compose(), "--profile", profile, "config", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    assert "level=warning" not in done.stderr and "WARNING" not in done.stderr


def test_it_says_when_there_is_nothing_to_install() -> None:
    environment = {"PATH": os.environ["PATH"], "TASKS": ""}
    done = subprocess.run([*compose(), "config"], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode != 0 and "set TASKS in .env" in done.stderr


def test_settings_are_used_and_used_settings_are_set() -> None:
    used = {found[1] for found in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text())}
    assert used | {"COMPOSE_PROFILES"} == set(settings())
    assert settings()["COMPOSE_PROFILES"] == "cpu"
    assert [Entry.parse(entry) for entry in settings()["TASKS"].split()]
    assert not re.search("TOKEN|KEY|SECRET|PASSWORD", "".join(settings()))


def test_profiles(services: dict[str, Any]) -> None:
    """Without a profile nothing starts by accident; cpu and gpu share what watches them."""
    by_profile = {
        profile: {name for name, service in services.items() if profile in service["profiles"]}
        for profile in ("cpu", "gpu", "perf", "export")
    }
    watching = {"prometheus", "grafana"}
    assert by_profile == {
        "cpu": {"fetch", "triton"} | watching,
        "gpu": {"fetch-gpu", "triton-gpu"} | watching,
        "perf": {"perf"},
        "export": {"export"},
    }


def test_every_service_is_hardened(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] and service["init"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == ("no" if name.startswith(("fetch", "perf", "export")) else "unless-stopped")
        assert not service.get("privileged") and service.get("user", "1:1") != "root"
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
        image = service["image"]
        assert ":" in image and not image.endswith(":latest")


@pytest.mark.parametrize(("fetch", "triton"), [("fetch", "triton"), ("fetch-gpu", "triton-gpu")])
def test_triton_serves_what_fetch_installed(services: dict[str, Any], fetch: str, triton: str) -> None:
    first, second = services[fetch], services[triton]
    assert second["depends_on"] == {fetch: {"condition": "service_completed_successfully"}}
    assert first["image"] == second["image"] and first["build"] == second["build"]
    assert (ROOT / first["build"]["dockerfile"]).is_file()
    assert first["volumes"] == ["checkpoints:/data"] and second["volumes"] == ["checkpoints:/data:ro"]
    command = first["command"].split()
    assert command[:2] == ["python", "scripts/fetch.py"] and (ROOT / command[1]).is_file()
    assert command[-len(settings()["TASKS"].split()) :] == settings()["TASKS"].split()
    image = Dockerfile.read(CPU)
    assert f"--repository {image.command('CMD')[-1]}" in first["command"]
    assert second["command"].split()[:4] == image.command("CMD")
    # Its health is that of the image: a question to every deployment.
    assert "healthcheck" not in second and "scripts/probe.py" in image.command("HEALTHCHECK")
    assert second["shm_size"] == settings()["SHM_SIZE"] and second["ulimits"]["nofile"] == 16384
    assert any("exec" in mount for mount in second["tmpfs"])
    assert {port.rpartition(":")[2] for port in second["ports"]} == {"8000", "8001", "8002"}


def test_the_gpu_is_asked_for_and_found_under_the_same_name(services: dict[str, Any]) -> None:
    gpu = services["triton-gpu"]
    (device,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert gpu["ulimits"]["memlock"] == -1
    assert gpu["networks"]["default"]["aliases"] == ["triton"] and "deploy" not in services["triton"]


def test_engines_are_made_where_fetch_installs(services: dict[str, Any]) -> None:
    export = services["export"]
    assert export["volumes"] == services["fetch-gpu"]["volumes"]
    assert export["deploy"] == services["triton-gpu"]["deploy"]
    file = Dockerfile.read(ROOT / export["build"]["dockerfile"])
    assert f"ARG BASE={services['triton-gpu']['image']}" in (ROOT / export["build"]["dockerfile"]).read_text()
    entry = file.command("ENTRYPOINT")
    assert (ROOT / entry[1]).is_file() and entry[-1] == "/data/models"


def test_prometheus_and_grafana_find_their_files(file: dict[str, Any]) -> None:
    for service in file["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in file["volumes"]
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert (ROOT / "deploy/prometheus" / prometheus["rule_files"][0]).is_file()
    assert prometheus["scrape_configs"][0]["static_configs"] == [{"targets": ["triton:8002"]}]
    provisioning = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090" and source["isDefault"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/triton-pipelines.yml").read_text())["providers"]
    mounts = file["services"]["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounts
    home = file["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).parent == Path(provider["options"]["path"])
    assert (ROOT / "deploy/grafana/dashboards" / Path(home).name).is_file()


def test_perf_analyzer_has_the_input_of_its_task(services: dict[str, Any]) -> None:
    command = services["perf"]["command"].split()
    data = Path(command[command.index("--input-data") + 1])
    assert f"./benchmarks/inputs:{data.parent}:ro" in services["perf"]["volumes"]
    assert (ROOT / "benchmarks/inputs" / data.name).is_file()
    assert command[command.index("-u") + 1] == "triton:8001"
