"""The Helm chart: valid for several versions of Kubernetes, strict about its values, and its objects fit together."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deploy.chart import CASES, CHART, TWO, Case, Helm, Object, one
from tests.deploy.custom_resources import SCHEMAS

VERSIONS = ("1.25", "1.29", "1.33", "1.37")
NAME = "try-triton-pipelines"

Rendered = dict[str, list[Object]]


@pytest.mark.parametrize("name", CASES)
def test_lint(helm: Helm, name: str) -> None:
    done = helm.run(["lint", "--strict"], CASES[name])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", CASES)
def test_objects_are_valid(rendered: Rendered, name: str) -> None:
    for each in rendered[name]:
        if each["kind"] in SCHEMAS:
            jsonschema.validate(each, SCHEMAS[each["kind"]])
        else:
            for version in VERSIONS:
                kubernetes_validate.validate(each, version, strict=True)


def test_every_custom_resource_is_rendered_somewhere(rendered: Rendered) -> None:
    kinds = {each["kind"] for objects in rendered.values() for each in objects}
    assert set(SCHEMAS) <= kinds


def test_the_validators_notice(rendered: Rendered) -> None:
    """Guards the tests above: a misspelt field is an error for both."""
    server = copy.deepcopy(one(rendered["gpu"], "Deployment"))
    server["spec"]["template"]["spec"]["containers"][0]["volumeMount"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(server, VERSIONS[-1], strict=True)
    route = copy.deepcopy(one(rendered["everything"], "GRPCRoute"))
    route["spec"]["rules"][0]["backends"] = []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(route, SCHEMAS["GRPCRoute"])


# Values.


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"replica": 2}, "replica"),
        ({"gpu": {"enable": True}}, "enable"),
        ({"deployments": [{"task": "fill-mask", "chekpoint": "me/mine"}]}, "chekpoint"),
        ({"deployments": [{"task": "fill_mask"}]}, "/deployments/0/task"),
        ({"deployments": [{"name": "reviews"}]}, "task"),
        ({"deployments": [{"task": "fill-mask", "revision": "a b"}]}, "/deployments/0/revision"),
        ({"gpu": {"resource": "gpu"}}, "/gpu/resource"),
        ({"gpu": {"count": 0}}, "/gpu/count"),
        ({"sharedMemory": "1 GB"}, "/sharedMemory"),
        ({"resources": {"limits": {"memory": "lots"}}}, "/resources/limits/memory"),
        ({"replicas": "2"}, "/replicas"),
        ({"autoscaling": {"engine": "knative"}}, "/autoscaling/engine"),
        ({"image": {"digest": "latest"}}, "/image/digest"),
        ({"probes": {"liveness": {"timeoutSeconds": 1}}}, "/probes/liveness/timeoutSeconds"),
        ({"prometheusRule": {"thresholds": {"p99": 1}}}, "p99"),
        ({"networkPolicy": {"clients": []}}, "/networkPolicy/clients"),
        ({"networkPolicy": {"clients": [{"podselector": {}}]}}, "podselector"),
        # What no schema can say.
        ({"deployments": [TWO[0], TWO[0]]}, "two have one name"),
        ({"deployments": []}, "name what shall be installed"),
        ({"checkpoints": {"from": "volume"}}, "checkpoints.claim.existing"),
        (
            {"replicas": 2, "checkpoints": {"claim": {"enabled": True, "accessModes": ["ReadWriteOnce"]}}},
            "ReadWriteMany",
        ),
        ({"autoscaling": {"enabled": True, "engine": "keda"}}, "prometheusAddress"),
        ({"autoscaling": {"enabled": True, "minReplicas": 9}}, "minReplicas"),
        ({"ingress": {"enabled": True}}, "ingress.host"),
        ({"gateway": {"enabled": True}}, "gateway.parentRefs"),
    ],
    ids=str,
)
def test_wrong_values_are_refused(helm: Helm, settings: Object, told: str) -> None:
    assert told in helm.refusal(settings)


def test_every_value_is_in_the_schema_and_every_schema_is_closed() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    compare(values, schema, schema["$defs"], "")


def compare(values: Any, schema: Object, definitions: Object, where: str) -> None:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "properties" not in schema:
        return
    assert schema["additionalProperties"] is False, where
    assert set(values) == set(schema["properties"]) - {"global"}, where
    for key, value in values.items():
        compare(value, schema["properties"][key], definitions, f"{where}/{key}")


def test_cpu_values_only_change_what_there_is() -> None:
    values, cpu = (yaml.safe_load((CHART / file).read_text()) for file in ("values.yaml", "values-cpu.yaml"))
    assert set(cpu) < set(values)


# Objects.


def server(objects: list[Object]) -> Object:
    """The server's container."""
    (container,) = pod(objects)["containers"]
    return container


def pod(objects: list[Object]) -> Object:
    return one(objects, "Deployment")["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", CASES)
def test_shared_memory_is_a_memory_volume_of_the_server(rendered: Rendered, name: str) -> None:
    mounts = {mount["mountPath"]: mount for mount in server(rendered[name])["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod(rendered[name])["volumes"]}
    shared = volumes[mounts["/dev/shm"]["name"]]["emptyDir"]
    assert shared["medium"] == "Memory" and shared["sizeLimit"].endswith("Gi")
    assert not mounts["/dev/shm"].get("readOnly") and not mounts["/tmp"].get("readOnly")


@pytest.mark.parametrize("name", CASES)
def test_every_mount_has_a_volume_and_every_volume_a_mount(rendered: Rendered, name: str) -> None:
    for each in rendered[name]:
        if each["kind"] in ("Deployment", "Job"):
            spec = each["spec"]["template"]["spec"]
            containers = [*spec.get("initContainers", []), *spec["containers"]]
            mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in spec["volumes"]}


@pytest.mark.parametrize("name", CASES)
def test_selectors_choose_the_servers_pods_and_no_others(rendered: Rendered, name: str) -> None:
    objects = rendered[name]
    labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [one(objects, "Deployment")["spec"]["selector"]["matchLabels"]]
    selectors += [each["spec"]["selector"] for each in objects if each["kind"] == "Service"]
    selectors += [one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]]
    selectors += [one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]]
    others = [each["spec"]["template"]["metadata"]["labels"] for each in objects if each["kind"] == "Job"]
    assert len(selectors) == 6
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not any(selector.items() <= other.items() for other in others)


def test_the_service_monitor_chooses_the_metrics_alone(rendered: Rendered) -> None:
    objects = rendered["everything"]
    monitor = one(objects, "ServiceMonitor")["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    chosen = [each for each in objects if each["kind"] == "Service" and wanted <= each["metadata"]["labels"].items()]
    assert [each["metadata"]["name"] for each in chosen] == [f"{NAME}-metrics"]
    assert [port["name"] for port in chosen[0]["spec"]["ports"]] == [monitor["endpoints"][0]["port"]]


@pytest.mark.parametrize("name", CASES)
def test_ports_agree(rendered: Rendered, name: str) -> None:
    objects = rendered[name]
    ports = {port["name"]: port["containerPort"] for port in server(objects)["ports"]}
    assert ports == {"http": 8000, "grpc": 8001, "metrics": 8002}  # those that serve_container.py opens by default
    for each in objects:
        if each["kind"] == "Service":
            assert all(ports[port["targetPort"]] == port["port"] for port in each["spec"]["ports"])
    headless = one(objects, "Service", f"{NAME}-headless")["spec"]
    assert headless["clusterIP"] == "None" and [port["name"] for port in headless["ports"]] == ["grpc"]
    policies = one(objects, "NetworkPolicy")["spec"]["ingress"]
    assert [[port["port"] for port in rule["ports"]] for rule in policies] == [["http", "grpc"], ["metrics"]]


def test_routes_lead_to_the_service(rendered: Rendered) -> None:
    objects = rendered["everything"]
    ports = {port["port"]: port["name"] for port in one(objects, "Service")["spec"]["ports"]}
    for kind, port in (("HTTPRoute", "http"), ("GRPCRoute", "grpc")):
        (rule,) = one(objects, kind)["spec"]["rules"]
        assert [(ref["name"], ports[ref["port"]]) for ref in rule["backendRefs"]] == [(NAME, port)]
    (rule,) = one(objects, "Ingress")["spec"]["rules"]
    paths = {path["path"]: path["backend"]["service"] for path in rule["http"]["paths"]}
    assert set(paths) == {"/v2/models", "/v2/health"}  # and not the model repository
    assert all(service == {"name": NAME, "port": {"name": "http"}} for service in paths.values())


@pytest.mark.parametrize("name", CASES)
def test_probes_ask_every_deployment(rendered: Rendered, name: str) -> None:
    container = server(rendered[name])
    names = [word for word in container["command"][2:] if not word.startswith("--")]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        command = container[probe]["exec"]["command"]
        assert command[:3] == ["python", "scripts/probe.py", "--repository=/data/models"]
        assert [word for word in command[3:] if not word.startswith("--")] == names
        (timeout,) = (int(word.partition("=")[2]) for word in command if word.startswith("--timeout="))
        assert timeout < container[probe]["timeoutSeconds"]  # it says itself what is silent, before it is ended
    assert container["readinessProbe"]["failureThreshold"] < container["livenessProbe"]["failureThreshold"]


def test_deployments_by_name(rendered: Rendered) -> None:
    objects = rendered["everything"]
    (fetch,) = pod(objects)["initContainers"]
    assert fetch["command"][3:] == ["text_classification:text-classification", "reviews:text-classification=me/mine"]
    assert server(objects)["command"][-2:] == ["text_classification", "reviews"]
    (ask,) = one(objects, "Job", f"{NAME}-test")["spec"]["template"]["spec"]["containers"]
    assert ask["command"][-2:] == ["text_classification:text-classification", "reviews:text-classification"]
    assert f"--url={NAME}:8001" in ask["command"]


@pytest.mark.parametrize("name", CASES)
def test_the_pod_stops_after_triton_has(rendered: Rendered, name: str) -> None:
    container = server(rendered[name])
    environment = {each["name"]: each.get("value") for each in container["env"]}
    pause = container["lifecycle"]["preStop"]["exec"]["command"]
    triton = int(environment["TRITON_PIPELINES_EXIT_TIMEOUT"] or 0)
    assert pause[0] == "sleep" and int(pause[1]) > 0 and triton > 0
    assert pod(rendered[name])["terminationGracePeriodSeconds"] > int(pause[1]) + triton


@pytest.mark.parametrize("name", CASES)
def test_nothing_runs_with_more_rights_than_it_needs(rendered: Rendered, name: str) -> None:
    for each in rendered[name]:
        if each["kind"] not in ("Deployment", "Job"):
            continue
        spec = each["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]) and container["resources"]["limits"]


def test_gpus(rendered: Rendered) -> None:
    assert server(rendered["gpu"])["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert server(rendered["mig"])["resources"]["limits"]["nvidia.com/mig-1g.10gb"] == 2
    assert pod(rendered["mig"])["runtimeClassName"] == "nvidia"
    assert pod(rendered["gpu"])["tolerations"][0]["key"] == "nvidia.com/gpu"
    cpu = pod(rendered["cpu"])
    assert set(server(rendered["cpu"])["resources"]["limits"]) == {"memory"} and "tolerations" not in cpu
    assert server(rendered["cpu"])["image"].endswith(":cpu")
    assert pod(rendered["everything"])["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}


def test_where_checkpoints_come_from(rendered: Rendered) -> None:
    def data(name: str) -> Object | None:
        found = [volume for volume in pod(rendered[name])["volumes"] if volume["name"] == "checkpoints"]
        return found[0] if found else None

    assert data("gpu") == {"name": "checkpoints", "emptyDir": {"sizeLimit": "50Gi"}}
    claim = one(rendered["everything"], "PersistentVolumeClaim", f"{NAME}-checkpoints")
    claimed = data("everything")
    assert claimed and claimed["persistentVolumeClaim"] == {"claimName": claim["metadata"]["name"]}
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert data("volume") == {"name": "checkpoints", "persistentVolumeClaim": {"claimName": "models"}}
    assert data("image") is None
    for name in ("volume", "image"):
        assert "initContainers" not in pod(rendered[name])
        assert not [each for each in rendered[name] if each["kind"] in ("PersistentVolumeClaim", "Job")]
    for name in ("gpu", "everything", "volume"):
        mounts = {mount["mountPath"]: mount for mount in server(rendered[name])["volumeMounts"]}
        assert mounts["/data"]["readOnly"]


def test_secrets_are_referred_to(rendered: Rendered) -> None:
    (fetch,) = pod(rendered["everything"])["initContainers"]
    keys = {
        each["name"]: each["valueFrom"]["secretKeyRef"]
        for each in [*fetch["env"], *server(rendered["everything"])["env"]]
        if "valueFrom" in each
    }
    assert keys == {
        "HF_TOKEN": {"name": "hub", "key": "token"},
        "TRITON_PIPELINES_ADMIN_KEY": {"name": "triton-admin", "key": "admin-key"},
    }
    assert not [each for objects in rendered.values() for each in objects if each["kind"] == "Secret"]


def test_autoscaling(rendered: Rendered) -> None:
    assert "replicas" not in one(rendered["everything"], "Deployment")["spec"]  # else each upgrade would reset them
    scaler = one(rendered["everything"], "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    (metric,) = scaler["metrics"]
    adapter = yaml.safe_load((CHART.parents[1] / "prometheus" / "adapter.yml").read_text())
    assert metric["pods"]["metric"]["name"] == adapter["rules"]["custom"][0]["name"]["as"]
    scaled = one(rendered["keda"], "ScaledObject")["spec"]
    assert scaled["scaleTargetRef"] == {"name": NAME}
    query = scaled["triggers"][0]["metadata"]["query"]
    assert 'namespace="serving"' in query and f'service="{NAME}-metrics"' in query
    assert one(rendered["everything"], "Service", f"{NAME}-metrics")
    assert not [each for each in rendered["keda"] if each["kind"] == "HorizontalPodAutoscaler"]


def test_thresholds_of_alerts(helm: Helm, rendered: Rendered) -> None:
    def expressions(objects: list[Object]) -> dict[str, str]:
        return {
            rule["alert"]: rule["expr"]
            for group in one(objects, "PrometheusRule")["spec"]["groups"]
            for rule in group["rules"]
        }

    own = {
        "TritonPipelinesFailures": ("failureRatio", 0.25),
        "TritonPipelinesQueue": ("queueSeconds", 7),
        "TritonPipelinesSlow": ("p99Seconds", 120),
        "TritonPipelinesContainerMemory": ("memoryRatio", 0.5),
    }
    settings = {"prometheusRule": {"enabled": True, "thresholds": dict(own.values())}}
    before, after = expressions(rendered["everything"]), expressions(helm.render(Case(settings=settings)))
    assert {name for name in before if before[name] != after[name]} == set(own)
    for alert, (name, value) in own.items():
        assert f"> {value} # {name}" in after[alert]


def test_default_thresholds_are_those_of_the_rules() -> None:
    rules = (CHART / "files" / "rules.yml").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for name, value in values["prometheusRule"]["thresholds"].items():
        assert f"> {value} # {name}" in rules


def test_dashboard(rendered: Rendered) -> None:
    data = one(rendered["everything"], "ConfigMap", f"{NAME}-dashboard")
    file: Path = CHART.parents[1] / "grafana" / "dashboards" / "triton-pipelines.json"
    assert yaml.safe_load(data["data"]["triton-pipelines.json"]) == yaml.safe_load(file.read_text())
    assert data["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize("name", ["gpu", "everything", "volume"])
def test_notes(helm: Helm, name: str) -> None:
    done = helm.run(["install", "try", "--dry-run=client", "--namespace", "serving"], CASES[name])
    assert done.returncode == 0, done.stderr
    notes = done.stdout.rpartition("NOTES:")[2]
    assert "kubectl --namespace serving rollout status deployment/try-triton-pipelines" in notes
    assert ("reviews" in notes) == (name == "everything") == ("networkPolicy.clients" in notes)
    assert ("No adminKey" in notes) == (name != "everything")
