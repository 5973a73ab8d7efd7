"""The manifests: the schemas accept them, and they agree with the service and with each other."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from scripts.check_kubernetes import faults, schema_of
from serve_app.config import AppConfig, resolve
from tests.assets.kuberay import RAY_SERVICE

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "kubernetes"
DOCUMENTS: list[tuple[str, dict[str, Any]]] = [
    (path.name, document)
    for path in sorted(FOLDER.glob("*.yaml"))
    if path.name != "kustomization.yaml"
    for document in yaml.safe_load_all(path.read_text())
]
STANDARD = [(name, document) for name, document in DOCUMENTS if document["kind"] != "RayService"]
KUBERNETES = "1.29"
"""Older than any version that is still maintained: nothing newer is needed."""

SERVICE = next(document for _, document in DOCUMENTS if document["kind"] == "RayService")
CLUSTER = SERVICE["spec"]["rayClusterConfig"]
GROUPS = {
    "head": CLUSTER["headGroupSpec"],
    **{group["groupName"]: group for group in CLUSTER["workerGroupSpecs"]},
}
SERVE = yaml.safe_load(SERVICE["spec"]["serveConfigV2"])


def config() -> AppConfig:
    return resolve(SERVE["applications"][0]["args"], {})


def container(group: str) -> dict[str, Any]:
    [only] = GROUPS[group]["template"]["spec"]["containers"]
    made: dict[str, Any] = only
    return made


def environ(group: str) -> dict[str, str]:
    return {variable["name"]: variable.get("value", "") for variable in container(group)["env"]}


@pytest.mark.parametrize(("name", "document"), STANDARD, ids=lambda value: str(value)[:20])
def test_kubernetes_accepts_the_standard_kinds(name: str, document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, KUBERNETES, strict=True)


@pytest.mark.parametrize("group", GROUPS)
def test_kubernetes_accepts_the_pods_of_the_groups(group: str) -> None:
    template = GROUPS[group]["template"]
    pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": group}}
    kubernetes_validate.validate(pod | {"template": template}, KUBERNETES, strict=True)


def test_every_field_of_the_ray_service_is_one_that_kuberay_has() -> None:
    assert list(faults(SERVICE, RAY_SERVICE)) == []


def test_a_field_that_a_definition_does_not_have_is_a_fault() -> None:
    definition = {
        "metadata": {"name": "rayservices.ray.io"},
        "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": OPEN_SCHEMA}}]},
    }
    schema = schema_of(definition, "v1")
    assert list(faults({"spec": {"groups": [{"name": "a"}]}, "metadata": {"x": 1}}, schema)) == []
    [fault] = faults({"spec": {"groups": [{"nmae": "a"}]}}, schema)
    assert fault.startswith("spec.groups.0: ")
    with pytest.raises(ValueError, match="no version v2"):
        schema_of(definition, "v2")


OPEN_SCHEMA = {
    "type": "object",
    "properties": {
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "properties": {
                "groups": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                }
            },
        },
    },
}


def test_the_service_accepts_its_configuration() -> None:
    ServeDeploySchema.model_validate(SERVE)
    assert config().models[0].replicas.max >= 2
    assert SERVE["http_options"] == {"host": "0.0.0.0", "port": 8000}
    assert "controller_options" not in SERVE, "they come too late on a cluster: see the env"


def test_the_pods_have_the_variables_that_serve_config_yaml_sets() -> None:
    committed = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    wanted = committed["controller_options"]["runtime_env"]["env_vars"]
    for group in GROUPS:
        assert wanted.keys() <= environ(group).keys(), group
    without_draining = {k: v for k, v in wanted.items() if "DRAINING" not in k}
    assert without_draining.items() <= environ("cpu").items()


def test_the_workers_have_the_same_variables_as_the_head_but_for_the_secrets() -> None:
    secrets = {v["name"] for v in container("head")["env"] if "valueFrom" in v}
    assert secrets == {"API_KEYS", "ACCESS_TOKEN"}
    assert environ("cpu") == environ("gpu")
    assert environ("cpu").keys() == environ("head").keys() - secrets


def test_a_replica_drains_for_longer_than_the_probe_takes_to_notice() -> None:
    probe = container("cpu")["readinessProbe"]
    noticed = probe["periodSeconds"] * probe["failureThreshold"]
    assert float(environ("cpu")["RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"]) > noticed


def test_pods_may_take_as_long_to_end_as_a_request_may_take() -> None:
    longest = config().request_timeout_seconds
    assert GROUPS["cpu"]["template"]["spec"]["terminationGracePeriodSeconds"] >= longest
    assert SERVICE["spec"]["rayClusterDeletionDelaySeconds"] >= longest
    assert float(environ("cpu")["RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S"]) >= longest


def test_the_head_runs_no_replica_and_knows_it_outlives_itself() -> None:
    assert GROUPS["head"]["rayStartParams"]["num-cpus"] == "0"
    assert GROUPS["head"]["rayStartParams"]["num-gpus"] == "0"
    assert SERVICE["spec"]["excludeHeadPodFromServeSvc"] is True
    [redis] = [d for _, d in DOCUMENTS if d["kind"] == "Service"]
    [port] = redis["spec"]["ports"]
    address = f"{redis['metadata']['name']}:{port['port']}"
    assert CLUSTER["gcsFaultToleranceOptions"]["redisAddress"] == address


def test_each_group_has_room_for_the_replicas_that_always_run() -> None:
    settings = config()
    [model] = settings.models
    gpu = GROUPS["gpu"]
    assert model.num_gpus == 1
    assert gpu["minReplicas"] >= model.replicas.min
    assert gpu["maxReplicas"] >= model.replicas.max
    assert float(container("gpu")["resources"]["limits"]["cpu"]) >= model.num_cpus
    cpus = float(container("cpu")["resources"]["limits"]["cpu"]) * GROUPS["cpu"]["minReplicas"]
    wanted = settings.ingress.num_cpus * settings.ingress.replicas.min
    assert cpus >= wanted + settings.video.num_cpus * settings.video.replicas.min


def test_the_ray_of_the_cluster_is_that_of_the_image() -> None:
    locked = (ROOT / "requirements" / "runtime.txt").read_text()
    match = re.search(r"^ray(?:\[\w+\])?==([\d.]+)", locked, re.MULTILINE)
    assert match is not None
    assert CLUSTER["rayVersion"] == match[1]


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for group, spec in GROUPS.items():
        yield group, spec["template"]
    for _, document in DOCUMENTS:
        if document["kind"] == "StatefulSet":
            yield document["metadata"]["name"], document["spec"]["template"]


@pytest.mark.parametrize(("name", "template"), list(pods()), ids=lambda value: str(value)[:20])
def test_containers_run_as_nobody_on_a_read_only_file_system(
    name: str, template: dict[str, Any]
) -> None:
    pod = template["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for one in pod["containers"]:
        security = one["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= one["resources"]["requests"].keys()
        assert "memory" in one["resources"]["limits"]
        assert {"readinessProbe", "livenessProbe"} <= one.keys()


def test_the_user_of_the_pods_is_that_of_the_image() -> None:
    [user] = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for spec in GROUPS.values():
        context = spec["template"]["spec"]["securityContext"]
        assert (str(context["runAsUser"]), str(context["runAsGroup"])) == user


def references(node: object) -> Iterator[tuple[str, str]]:
    """Secrets and keys that are asked for anywhere below."""
    if isinstance(node, dict):
        if "secretKeyRef" in node:
            yield node["secretKeyRef"]["name"], node["secretKeyRef"]["key"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_example_has_every_secret_that_is_asked_for_and_no_value() -> None:
    secrets = [document for _, document in DOCUMENTS if document["kind"] == "Secret"]
    given = {(s["metadata"]["name"], key) for s in secrets for key in s["stringData"]}
    asked = set(references([document for _, document in DOCUMENTS]))
    assert asked | {(CLUSTER["authOptions"]["secretName"], "auth_token")} == given
    assert {value for s in secrets for value in s["stringData"].values()} == {""}


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True


@pytest.mark.parametrize(
    ("kind", "selector"), [("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")]
)
def test_every_selector_finds_pods(kind: str, selector: str) -> None:
    labels = [template["metadata"]["labels"] for _, template in pods()]
    found = [document for _, document in DOCUMENTS if document["kind"] == kind]
    assert found
    for document in found:
        assert any(matches(document["spec"][selector], of) for of in labels), document["metadata"]


def test_a_budget_lets_a_node_be_drained() -> None:
    for _, document in DOCUMENTS:
        if document["kind"] == "PodDisruptionBudget":
            [group] = [
                spec
                for spec in GROUPS.values()
                if matches(document["spec"]["selector"], spec["template"]["metadata"]["labels"])
            ]
            assert document["spec"]["minAvailable"] < group["minReplicas"]


def test_clients_reach_the_workers_on_the_http_port_only() -> None:
    policies = {
        d["metadata"]["name"]: d["spec"] for _, d in DOCUMENTS if d["kind"] == "NetworkPolicy"
    }
    [rule] = policies["vigil-clients"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": SERVE["http_options"]["port"]}]
    labels = copy.deepcopy(GROUPS["head"]["template"]["metadata"]["labels"])
    assert not matches(policies["vigil-clients"]["podSelector"], labels)


def test_kustomize_lists_every_file_and_the_secrets_stay_out_of_git() -> None:
    listed = set(yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"])
    present = {path.name for path in FOLDER.glob("*.yaml")}
    assert listed - {"secrets.yaml"} == present - {
        "kustomization.yaml",
        "secrets.yaml",
        "secrets.example.yaml",
    }
    assert "/kubernetes/secrets.yaml" in (ROOT / ".gitignore").read_text().split()
