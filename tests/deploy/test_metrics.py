"""Alerts, dashboard and autoscaling go by metrics that the server really gives."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import probe
from tests.deploy.chart import CASES, ROOT, Helm, one
from tests.deploy.image import Running

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
ADAPTER = ROOT / "deploy" / "prometheus" / "adapter.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "triton-pipelines.json"
METRIC = re.compile(r"\b((?:nv|triton_pipelines|container)_\w+)\b")
ELSEWHERE = {
    # Where there is a GPU (Triton's documentation, "Metrics").
    "nv_gpu_utilization", "nv_gpu_memory_used_bytes", "nv_gpu_memory_total_bytes",
    # The kubelet's.
    "container_memory_working_set_bytes", "container_spec_memory_limit_bytes",
    # Of tasks that generate.
    "triton_pipelines_generated_tokens_total",
}  # fmt: skip


@pytest.fixture(scope="module")
def scrape(running: Running) -> str:
    """The server's metrics after an answer of each deployment."""
    assert probe.ask(["text_classification", "masks"], running.url, 10) == {}
    return running.metrics()


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def panels() -> Iterator[tuple[str, str]]:
    """Title and expression of each query of the dashboard."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def metrics(expression: str) -> set[str]:
    return {found[1] for found in METRIC.finditer(expression) if not expression[: found.start()].endswith('"')}


@pytest.mark.parametrize("alert", list(rules()))
def test_alerts(scrape: str, alert: str) -> None:
    rule = rules()[alert]
    check(rule["expr"], scrape)
    assert rule["labels"]["severity"] in ("warning", "critical") and rule["annotations"]["summary"] and rule["for"]


@pytest.mark.parametrize(("title", "expression"), list(panels()))
def test_dashboard(scrape: str, title: str, expression: str) -> None:
    check(expression, scrape)


def test_autoscaling(scrape: str, helm: Helm) -> None:
    (rule,) = yaml.safe_load(ADAPTER.read_text())["rules"]["custom"]
    check(rule["seriesQuery"], scrape)
    check(one(helm.render(CASES["keda"]), "ScaledObject")["spec"]["triggers"][0]["metadata"]["query"], scrape)


def check(expression: str, scrape: str) -> None:
    """The metrics of an expression are in the scrape, with the labels that it names."""
    used = metrics(expression)
    assert used or expression.startswith(("up{", "sum(up{"))
    given = set(re.findall(r"^# TYPE (\S+)", scrape, flags=re.MULTILINE))
    assert used <= given | ELSEWHERE
    for name in used - ELSEWHERE:
        series = [line for line in scrape.splitlines() if line.startswith(name + "{")]
        for label, value in re.findall(rf'{name}{{[^}}]*?\b(reason|quantile)="([^"]+)"', expression):
            assert any(f'{label}="{value}"' in line for line in series), f"{name} has no {label} {value}"


def test_names_that_are_not_there_are_noticed(scrape: str) -> None:
    """Guards the tests above."""
    for wrong in ('rate(nv_inference_sucess{job="x"}[5m])', 'nv_inference_request_failure{reason="BACKENDS"}'):
        with pytest.raises(AssertionError):
            check(wrong, scrape)


def test_steps_and_deployments_are_told_apart(scrape: str) -> None:
    """By their names' ends, everywhere: dashboards show deployments, alerts on queues go by steps."""
    models = set(re.findall(r'nv_inference_request_success{model="(\w+)"', scrape))
    steps = {model for model in models if re.fullmatch(r".*_(preprocess|model|postprocess)", model)}
    assert models - steps == {"text_classification", "masks"} and len(steps) == 6


# By Prometheus itself, where its promtool is installed.


@pytest.fixture(scope="module")
def promtool() -> str:
    return shutil.which("promtool") or pytest.skip("promtool is not installed (Debian's package prometheus)")


def test_configuration(promtool: str) -> None:
    done = subprocess.run(
        [promtool, "check", "config", ROOT / "deploy/prometheus/prometheus.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0 and f"{len(rules())} rules found" in done.stdout, done.stdout + done.stderr


def test_when_alerts_fire(promtool: str, tmp_path: Path) -> None:
    for file in (RULES, ROOT / "tests/deploy/rules.test.yml"):
        shutil.copy(file, tmp_path)
    done = subprocess.run([promtool, "test", "rules", "rules.test.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_queries_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    values = {"$namespace": ".*", "$deployment": "a|b", "$__rate_interval": "1m"}
    queries: list[dict[str, str]] = []
    for _, expression in panels():
        for name, value in values.items():
            expression = expression.replace(name, value)
        queries.append({"record": f"query:{len(queries)}", "expr": expression})
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": queries}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
