"""What holds for the children of every valid ModelDeployment."""

import copy
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.quantity import amount
from modelberth.manifests.facts import Facts
from modelberth.manifests.names import HASH, Manifest
from modelberth.manifests.settings import Settings
from tests.manifests.kubernetes_models import validate
from tests.manifests.pod_security import violations
from tests.manifests.specs import FACTS, SETTINGS, children_of, deployment_of, pod, resources

many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def workload(md: ModelDeployment, facts: Facts, chosen: Settings) -> Manifest:
    return next(child for child in children_of(md, facts, chosen) if child["kind"] == "Deployment")


def containers(template: Manifest) -> list[Manifest]:
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


@many
@given(resources(), FACTS, SETTINGS)
def test_pods_are_restricted_and_know_no_token_of_the_cluster(
    resource: dict[str, Any], facts: Facts, chosen: Settings
) -> None:
    spec = workload(deployment_of(resource, chosen), facts, chosen)["spec"]["template"]["spec"]
    assert violations(spec) == []
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    ours = [spec["containers"][0], *(c for c in spec.get("initContainers", []) if c["name"] in ("fetch", "relay"))]
    assert all(container["securityContext"]["readOnlyRootFilesystem"] for container in ours)


@many
@given(resources(), FACTS, SETTINGS)
def test_every_field_is_known_to_kubernetes_and_no_list_repeats_its_key(
    resource: dict[str, Any], facts: Facts, chosen: Settings
) -> None:
    for child in children_of(deployment_of(resource, chosen), facts, chosen):
        validate(child)
        assert child["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    template = workload(deployment_of(resource, chosen), facts, chosen)["spec"]["template"]
    for container in containers(template):
        for name, key in (("env", "name"), ("volumeMounts", "mountPath"), ("ports", "containerPort")):
            counted = Counter(item[key] for item in container.get(name, []))
            assert [value for value, times in counted.items() if times > 1] == [], name


@many
@given(resources(), FACTS, SETTINGS)
def test_mounts_have_volumes_and_paths_of_the_engine_are_writable(
    resource: dict[str, Any], facts: Facts, chosen: Settings
) -> None:
    template = workload(deployment_of(resource, chosen), facts, chosen)["spec"]["template"]
    volumes = Counter(volume["name"] for volume in template["spec"]["volumes"])
    assert set(volumes.values()) == {1}
    for volume in template["spec"]["volumes"]:
        assert len(volume) == 2, "a volume has a name and one source"
    for container in containers(template):
        for mount in container.get("volumeMounts", []):
            assert mount["name"] in volumes
    writable = {
        mount["mountPath"] for mount in template["spec"]["containers"][0]["volumeMounts"] if not mount.get("readOnly")
    }
    assert {"/tmp", "/home/modelberth"} <= writable
    parallel = resource["spec"]["parallelism"]
    if parallel["tensor"] > 1 or parallel["data"] > 1 or resource["spec"]["device"] == "CPU":
        assert "/dev/shm" in writable


@many
@given(resources(), FACTS, SETTINGS)
def test_gpus_and_where_pods_may_go(resource: dict[str, Any], facts: Facts, chosen: Settings) -> None:
    spec = workload(deployment_of(resource, chosen), facts, chosen)["spec"]["template"]["spec"]
    engine = spec["containers"][0]
    assert engine["name"] == "engine"
    wanted, gpu = resource["spec"], resource["spec"]["gpu"]
    name = gpu.get("resourceName", "nvidia.com/gpu")
    if wanted["device"] == "CPU":
        assert not any("nvidia.com" in key for key in engine["resources"]["limits"])
        assert "nodeSelector" not in spec
        return
    sizes = wanted["parallelism"]
    assert engine["resources"]["limits"][name] == str(sizes["tensor"] * sizes["pipeline"] * sizes["data"])
    assert spec.get("nodeSelector", {}) == ({chosen.gpu.label_key: gpu["type"]} if "type" in gpu else {})
    if "tolerations" not in wanted["podTemplate"].get("spec", {}):
        tolerated = {toleration["key"] for toleration in spec["tolerations"]}
        assert {"nvidia.com/gpu", name} == tolerated


@many
@given(resources(), FACTS, SETTINGS)
def test_requests_are_there_and_never_above_limits(resource: dict[str, Any], facts: Facts, chosen: Settings) -> None:
    template = workload(deployment_of(resource, chosen), facts, chosen)["spec"]["template"]
    for container in containers(template):
        found = container.get("resources", {})
        limits, requests = found.get("limits", {}), found.get("requests", {})
        for name, request in requests.items():
            if name in limits:
                assert amount(request) <= amount(limits[name]), name
    engine = template["spec"]["containers"][0]["resources"]
    for name in ("cpu", "memory", "ephemeral-storage"):
        # Without a request the API server takes the limit for it.
        assert name in engine.get("requests", {}) or name in engine["limits"]
    for kind in ("limits", "requests"):
        for name, quantity in resource["spec"]["resources"][kind].items():
            assert engine[kind][name] == str(quantity)


@many
@given(resources(), FACTS, SETTINGS)
def test_secrets_are_references_and_the_token_is_the_fetchers(
    resource: dict[str, Any], facts: Facts, chosen: Settings
) -> None:
    spec = resource["spec"]
    template = workload(deployment_of(resource, chosen), facts, chosen)["spec"]["template"]
    for container in containers(template):
        for variable in container.get("env", []):
            if variable["name"] in ("HF_TOKEN", "VLLM_API_KEY"):
                assert set(variable) == {"name", "valueFrom"}
        assert not any(word.startswith("--api-key=") or word == "--api-key" for word in container.get("args", []))
    engine = template["spec"]["containers"][0]
    assert "HF_TOKEN" not in {variable["name"] for variable in engine["env"]}
    others = [c for c in containers(template) if c["name"] != "fetch"]
    assert "hf-token" not in json.dumps(others)
    if "secretRef" in spec["model"]:
        fetch = template["spec"]["initContainers"][0]
        reference = {"secretKeyRef": {"name": "hf-token", "key": "HF_TOKEN"}}
        assert {"name": "HF_TOKEN", "valueFrom": reference} in fetch["env"]
    if "apiKeySecretRef" in spec:
        assert '"keys"' in json.dumps(template["spec"])


@many
@given(resources(), FACTS, SETTINGS, st.sampled_from((0, 1, 2, 7)))
def test_scaling_changes_no_pod(resource: dict[str, Any], facts: Facts, chosen: Settings, replicas: int) -> None:
    scaled = copy.deepcopy(resource)
    scaled["spec"]["replicas"] = replicas
    before = workload(deployment_of(resource, chosen), facts, chosen)
    after = workload(deployment_of(scaled, chosen), facts, chosen)
    assert before["spec"]["template"] == after["spec"]["template"]
    assert before["spec"]["selector"] == after["spec"]["selector"]


@many
@given(resources(), FACTS, SETTINGS)
def test_the_same_input_makes_the_same_children_and_another_one_another_digest(
    resource: dict[str, Any], facts: Facts, chosen: Settings
) -> None:
    def digests(source: dict[str, Any]) -> dict[str, str]:
        found = children_of(deployment_of(source, chosen), facts, chosen)
        return {child["kind"]: child["metadata"]["annotations"][HASH] for child in found}

    first = digests(resource)
    # What the API server adds, and the order of keys, are no reason to write.
    stored = dict(reversed(copy.deepcopy(resource).items()))
    stored["metadata"] |= {"resourceVersion": "7", "generation": 3, "managedFields": [{"manager": "kubectl"}]}
    stored["status"] = {"replicas": 1}
    assert digests(stored) == first
    changed = copy.deepcopy(resource)
    changed["spec"]["engine"]["args"].append("--verbose")
    assert digests(changed)["Deployment"] != first["Deployment"]
    assert digests(changed)["Service"] == first["Service"]


@many
@given(resources(), FACTS, SETTINGS)
def test_names_and_labels_hold_in_kubernetes(resource: dict[str, Any], facts: Facts, chosen: Settings) -> None:
    md = deployment_of(resource, chosen)
    found = children_of(md, facts, chosen)
    assert {"Deployment", "Service"} <= {child["kind"] for child in found}
    for child in found:
        assert len(child["metadata"]["name"]) <= 63
        assert all(len(value) <= 63 for value in child["metadata"]["labels"].values())
        assert child["metadata"]["namespace"] == md.namespace
    template = workload(md, facts, chosen)
    labels = template["spec"]["template"]["metadata"]["labels"]
    assert template["spec"]["selector"]["matchLabels"].items() <= labels.items()
    service = next(child for child in found if child["kind"] == "Service")
    assert service["spec"]["selector"].items() <= labels.items()
    ports = {port["name"] for port in template["spec"]["template"]["spec"]["containers"][0]["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


@pytest.mark.parametrize(
    "change",
    [
        {"hostNetwork": True},
        {"securityContext": None},
        {"volumes": [{"name": "home", "hostPath": {"path": "/"}}]},
        {"containers": [{"name": "engine", "securityContext": {"capabilities": {"drop": ["NET_RAW"]}}}]},
        {"containers": [{"name": "engine", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]},
        {"containers": [{"name": "engine", "securityContext": {"allowPrivilegeEscalation": None}}]},
        {"containers": [{"name": "engine", "securityContext": {"privileged": True}}]},
        {"containers": [{"name": "beside", "image": "busybox"}]},
        {"initContainers": [{"name": "fetch", "securityContext": {"runAsUser": 0}}]},
    ],
)
def test_the_check_of_pod_security_finds_violations(change: dict[str, Any]) -> None:
    assert violations(pod({"podTemplate": {"spec": change}})) != []
