"""The fact-finding pod: sees what the fetcher or the engine would see, and is neither of them."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from modelberth.manifests.facts_pod import facts_pod
from modelberth.manifests.names import FACTS_OF, Manifest, selector
from modelberth.manifests.settings import Settings
from tests.manifests.kubernetes_models import validate
from tests.manifests.pod_security import violations
from tests.manifests.specs import SETTINGS, deployment_of, engine, made, pod, resource, resources

PRIVATE = {"uri": "hf://org/name@v1", "secretRef": {"name": "hf-token"}}
many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def facts_of(spec: dict[str, Any], chosen: dict[str, Any] | None = None) -> Manifest:
    return facts_pod(deployment_of(resource(spec)), Settings.model_validate(chosen or {}))


def container(manifest: Manifest) -> Manifest:
    found: Manifest = manifest["spec"]["containers"][0]
    return found


@many
@given(resources(), SETTINGS)
def test_every_one_is_a_restricted_pod_that_nothing_selects(raw: dict[str, Any], chosen: Settings) -> None:
    md = deployment_of(raw, chosen)
    manifest = facts_pod(md, chosen)
    validate(manifest)
    spec = manifest["spec"]
    assert violations(spec) == []
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert spec["restartPolicy"] == "Never"
    assert not selector(md).items() <= manifest["metadata"]["labels"].items()
    assert manifest["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    assert [c["name"] for c in spec["containers"]] == ["facts"]
    assert set(container(manifest)["resources"]["limits"]) == {"memory"}
    mounted = {mount["name"] for mount in container(manifest)["volumeMounts"]}
    assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_who_finds_it() -> None:
    meta = facts_of({})["metadata"]
    assert (meta["name"], meta["namespace"]) == ("llama3-facts", "team-a")
    assert meta["labels"] == {
        "app.kubernetes.io/managed-by": "modelberth",
        "app.kubernetes.io/name": "modelberth-facts",
        "app.kubernetes.io/instance": "llama3",
        "modelberth.dev/facts": "llama3",
    }


def test_a_repository_is_asked_as_the_fetcher_asks() -> None:
    chosen = {
        "hub": {"endpoint": "https://mirror.example.com"},
        "fetcher": {
            "image": "example.com/operator:1",
            "env": {"HTTPS_PROXY": "http://proxy:3128"},
            "caConfigMap": "ca",
        },
        "imagePullSecrets": ["registry"],
    }
    manifest = facts_of({"model": PRIVATE}, chosen)
    template = pod({"model": PRIVATE}, None, Settings.model_validate(chosen))
    found, fetch = container(manifest), template["initContainers"][0]
    assert found["args"] == ["facts", "hf://org/name@v1", "--engine", "vLLM"]
    for field in ("image", "imagePullPolicy", "env", "securityContext"):
        assert found[field] == fetch[field]
    assert {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf-token", "key": "HF_TOKEN"}}} in found["env"]
    assert found["volumeMounts"][0] in fetch["volumeMounts"]
    assert manifest["spec"]["volumes"][0] in template["volumes"]
    assert manifest["spec"]["imagePullSecrets"] == template["imagePullSecrets"]


@pytest.mark.parametrize(
    ("model", "kind", "argument"),
    [
        ("pvc://models", "vLLM", "/models"),
        ("pvc://models/llama/8b", "SGLang", "/models/llama/8b"),
        ("pvc://models/gguf/a%20%24%28HOME%29.gguf", "LlamaCpp", "/models/gguf/a $$(HOME).gguf"),
        ("oci://example.com/m:1", "vLLM", "/models"),
        ("oci://example.com/m:1", "LlamaCpp", "/models/model.gguf"),
    ],
)
def test_a_volume_is_read_where_the_engine_finds_it(model: str, kind: str, argument: str) -> None:
    spec = {"model": {"uri": model}, "engine": {"type": kind}}
    manifest = facts_of(spec)
    found = container(manifest)
    assert found["args"] == ["facts", argument, "--engine", kind]
    assert argument in " ".join(engine(spec)["args"])
    assert "env" not in found
    assert found["volumeMounts"] == [{"name": "weights", "mountPath": "/models", "readOnly": True}]
    assert manifest["spec"]["volumes"] == [volume for volume in pod(spec)["volumes"] if volume["name"] == "weights"]


def test_a_volume_binds_the_pod_to_where_the_engine_may_run() -> None:
    spec = {"model": {"uri": "pvc://models"}, "gpu": {"type": "NVIDIA-L4"}}
    found, template = facts_of(spec)["spec"], pod(spec)
    assert found["nodeSelector"] == template["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert found["tolerations"] == template["tolerations"]
    near = found["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]
    assert near["labelSelector"]["matchLabels"] == made(spec)["Service"]["spec"]["selector"]
    assert facts_of({"model": {"uri": "oci://m"}})["spec"]["activeDeadlineSeconds"] == 3600


def test_a_repository_can_be_asked_from_any_node() -> None:
    found = facts_of({"gpu": {"type": "NVIDIA-L4"}})["spec"]
    assert not {"nodeSelector", "tolerations", "affinity"} & set(found)
    assert found["activeDeadlineSeconds"] == 300


def test_what_of_the_pod_template_holds_here_too() -> None:
    where: dict[str, Any] = {
        "nodeSelector": {"pool": "team-a"},
        "tolerations": [{"key": "team", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "low",
        "serviceAccountName": "model",
        "imagePullSecrets": [{"name": "own"}],
        "dnsPolicy": "None",
    }
    template = {
        "metadata": {
            "labels": {"team": "search", "sidecar.istio.io/inject": "false"},
            "annotations": {"a/b": "c"},
        },
        "spec": {
            **where,
            "securityContext": {"fsGroup": 2000},
            "runtimeClassName": "nvidia",
            "containers": [{"name": "beside", "image": "busybox"}],
            "volumes": [{"name": "own", "emptyDir": {}}],
        },
    }
    manifest = facts_of({"podTemplate": template}, {"imagePullSecrets": ["registry"]})
    spec = manifest["spec"]
    assert {name: spec[name] for name in where} == where
    assert (spec["securityContext"]["fsGroup"], spec["securityContext"]["runAsNonRoot"]) == (2000, True)
    assert "runtimeClassName" not in spec
    assert len(spec["containers"]) == 1
    assert spec["volumes"] == []
    assert manifest["metadata"]["labels"]["team"] == "search"
    assert manifest["metadata"]["annotations"]["a/b"] == "c"


OTHER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"model": {**PRIVATE, "uri": "hf://org/name@v2"}}, {}),
    ({"model": {**PRIVATE, "secretRef": {"name": "other"}}}, {}),
    ({"model": PRIVATE, "engine": {"type": "SGLang"}}, {}),
    ({"model": PRIVATE, "podTemplate": {"spec": {"nodeSelector": {"a": "b"}}}}, {}),
    ({"model": PRIVATE}, {"hub": {"endpoint": "https://mirror.example.com"}}),
    ({"model": PRIVATE}, {"fetcher": {"image": "example.com/operator:2"}}),
]


@pytest.mark.parametrize(("spec", "chosen"), OTHER)
def test_another_question_has_another_digest(spec: dict[str, Any], chosen: dict[str, Any]) -> None:
    asked = facts_of({"model": PRIVATE})["metadata"]["annotations"][FACTS_OF]
    assert facts_of(spec, chosen)["metadata"]["annotations"][FACTS_OF] != asked


@pytest.mark.parametrize("change", [{"replicas": 3}, {"maxModelLen": 4096}, {"gpu": {"type": "NVIDIA-L4"}}])
def test_what_the_files_do_not_depend_on_asks_nothing_anew(change: dict[str, Any]) -> None:
    first, second = facts_of({"model": PRIVATE}), facts_of({"model": PRIVATE, **change})
    assert first == second
