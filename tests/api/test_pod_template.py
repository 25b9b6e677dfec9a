"""spec.podTemplate: what it must leave to typed fields, and shapes that cannot be merged."""

from typing import Any

import pytest

from modelberth.api import pod_template_rules
from modelberth.api.engine_tables import FACTS
from modelberth.api.spec import EngineType
from modelberth.api.validation import findings
from modelberth.engines.catalogue import ENGINES
from modelberth.manifests import names
from tests.api.resources import Changes, resource
from tests.engines.specs import berth, every_value

SPEC = "spec.podTemplate.spec"
POD_IP = {"fieldRef": {"fieldPath": "status.podIP"}}
SECRET = {"secretKeyRef": {"name": "a", "key": "b"}}
LLAMA_CPP: Changes = {"spec.engine.type": "LlamaCpp"}


def texts(spec: dict[str, Any], changes: Changes | None = None) -> list[str]:
    return [str(finding) for finding in findings(resource({SPEC: spec, **(changes or {})}))]


def engine(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "engine", **fields}]}


def fetch(**fields: Any) -> dict[str, Any]:
    return {"initContainers": [{"name": "fetch", **fields}]}


def relay(**fields: Any) -> dict[str, Any]:
    return {"initContainers": [{"name": "relay", **fields}]}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"containers": [{"name": "engine", "image": "x"}]},
            "containers[0].image: must not be replaced here; use spec.eng",
        ),
        (
            {"containers": [{"name": "engine", "args": None}]},
            "containers[0].args: must not be replaced here; use spec.eng",
        ),
        ({"containers": [{"name": "engine", "command": []}]}, "containers[0].command: must not be replaced here"),
        ({"containers": [{"name": "engine", "resources": {}}]}, "containers[0].resources: must not be replaced here"),
        (
            {"containers": [{"name": "engine", "env": [{"name": "VLLM_API_KEY"}]}]},
            "containers[0].env[0]: VLLM_API_KEY is set by spec.apiKeySecretRef",
        ),
        ({"containers": [{"image": "x"}]}, "containers[0]: must be a map with name"),
        ({"containers": None}, "containers: must be a list of maps with name"),
        ({"containers": [{"name": "a", "env": {"A": "1"}}]}, "containers[0].env: must be a list of maps with name"),
        ({"containers": [{"name": "a"}, {"name": "a"}]}, "containers[1].name: a is given twice"),
        (
            engine(env=[{"name": "A", "value": "1", "valueFrom": POD_IP}]),
            "containers[0].env[0]: has value and fieldRef",
        ),
        (engine(env=[{"name": "HOME", "valueFrom": POD_IP}]), "containers[0].env[0]: HOME has a value already"),
        (engine(envFrom=[{"secretRef": {"name": "a"}}]), "containers[0].envFrom[0]: may bring variables that fields"),
        (engine(envFrom=[{"configMapRef": {"name": "a"}, "prefix": "VLLM_"}]), "containers[0].envFrom[0]: may bring"),
        (engine(envFrom={"secretRef": {}}), "containers[0].envFrom: must be a list of maps"),
        (
            engine(volumeMounts=[{"name": "a", "mountPath": "/models"}]),
            "containers[0].volumeMounts[0].mountPath: /models holds the weights of spec.model.uri; mount at another",
        ),
        (engine(volumeMounts=[{"name": "a", "mountPath": "/x/../models//lora/"}]), "containers[0].volumeMounts[0].mou"),
        (fetch(image="x"), "initContainers[0].image: is Modelberth's own"),
        (fetch(env=[{"name": "HF_TOKEN", "valueFrom": SECRET}]), "initContainers[0].env[0]: the hub token is that of"),
        (fetch(env=[{"name": "HF_ENDPOINT", "value": "x"}]), "initContainers[0].env[0]: the address of the hub is the"),
        (fetch(volumeMounts=[{"name": "a", "mountPath": "/models/"}]), "initContainers[0].volumeMounts[0].mountPath: "),
        (
            {"volumes": [{"name": "weights", "emptyDir": {}}]},
            "volumes[0].name: weights holds the weights of spec.model.uri; use a pvc:// URI, or another name",
        ),
        (
            {"volumes": [{"name": "hooks", "emptyDir": {}}]},
            "volumes[0].name: hooks holds what starts and drains the engine; use another name",
        ),
        (
            engine(volumeMounts=[{"name": "a", "mountPath": "/modelberth"}]),
            "containers[0].volumeMounts[0].mountPath: /mo",
        ),
    ],
)
def test_refused(spec: dict[str, Any], text: str) -> None:
    (found,) = texts(spec)
    assert found.startswith(f"{SPEC}.{text}")


@pytest.mark.parametrize(
    "spec",
    [
        {"tolerations": [{"operator": "Exists"}], "runtimeClassName": "nvidia", "imagePullSecrets": [{"name": "x"}]},
        {"containers": [{"name": "engine", "env": [{"name": "A", "value": "1"}], "livenessProbe": None}]},
        {"containers": [{"name": "sidecar", "image": "x", "args": ["y"], "ports": [{"containerPort": 1}]}]},
        {"volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}]},
        {"nodeSelector": None, "securityContext": {"fsGroup": 1}},
        engine(env=[{"name": "HOME", "value": "/x"}, {"name": "A", "valueFrom": POD_IP}, {"name": "B"}]),
        engine(env=[{"name": "HOME", "value": None, "valueFrom": POD_IP}]),
        engine(envFrom=[{"secretRef": {"name": "a"}, "prefix": "TRACING_"}]),
        engine(envFrom=None, volumeMounts=[{"name": "a", "mountPath": "/models-of-others"}]),
        fetch(resources={"limits": {"memory": "4Gi"}}, env=[{"name": "HTTPS_PROXY", "value": "http://proxy"}]),
        {"containers": [{"name": "a", "envFrom": [{}], "volumeMounts": [{"name": "weights", "mountPath": "/models"}]}]},
    ],
)
def test_accepted(spec: dict[str, Any]) -> None:
    assert texts(spec) == []


@pytest.mark.parametrize(
    ("own", "other", "kept"),
    [
        ({"value": "1"}, {"valueFrom": POD_IP}, "value"),
        ({"valueFrom": SECRET}, {"value": "1"}, "secretKeyRef"),
        ({"valueFrom": SECRET}, {"valueFrom": POD_IP}, "secretKeyRef"),
        ({"value": "1"}, {"value": "2"}, None),
        ({"valueFrom": SECRET}, {"valueFrom": {"secretKeyRef": {"name": "other"}}}, None),
        ({"valueFrom": SECRET}, {"value": "1", "valueFrom": {"secretKeyRef": None}}, None),
    ],
)
def test_a_variable_of_the_spec_keeps_its_kind_of_source(
    own: dict[str, Any], other: dict[str, Any], kept: str | None
) -> None:
    found = texts(engine(env=[{"name": "A", **other}]), {"spec.engine.env": [{"name": "A", **own}]})
    assert [f"A has a {kept} already" in text and "set it in spec.engine.env" in text for text in found] == (
        [True] if kept else []
    )


@pytest.mark.parametrize("uri", ["pvc://claim/folder", "oci://image"])
def test_without_a_download_there_is_no_fetch_container(uri: str) -> None:
    (found,) = texts(fetch(image="busybox"), {"spec.model.uri": uri})
    assert found.startswith(f"{SPEC}.initContainers[0].name: there is no fetch container")


@pytest.mark.parametrize("name", ["image", "command", "args", "ports", "restartPolicy"])
def test_the_relay_is_ours(name: str) -> None:
    value: Any = [{"containerPort": 1}] if name == "ports" else ["x"]
    (found,) = texts(relay(**{name: value}), LLAMA_CPP)
    assert found.startswith(f"{SPEC}.initContainers[0].{name}: is Modelberth's own")


def test_the_relay_can_be_given_more() -> None:
    assert texts(relay(resources={"limits": {"memory": "128Mi"}}, env=[{"name": "A", "value": "1"}]), LLAMA_CPP) == []


def test_only_llama_cpp_has_a_relay() -> None:
    (found,) = texts(relay(image="busybox"))
    assert found.startswith(f"{SPEC}.initContainers[0].name: only LlamaCpp has a relay container")


@pytest.mark.parametrize("name", ["image", "command", "args", "volumeMounts", "restartPolicy"])
def test_the_hooks_are_ours(name: str) -> None:
    value: Any = [{"name": "a", "mountPath": "/a"}] if name == "volumeMounts" else ["x"]
    (found,) = texts({"initContainers": [{"name": "hooks", name: value}]})
    assert found.startswith(f"{SPEC}.initContainers[0].{name}: is Modelberth's own")


def test_llama_cpp_has_no_hooks() -> None:
    (found,) = texts({"initContainers": [{"name": "hooks", "image": "busybox"}]}, LLAMA_CPP)
    assert found.startswith(f"{SPEC}.initContainers[0].name: LlamaCpp has no hooks container")
    mounted = engine(volumeMounts=[{"name": "hooks", "mountPath": "/modelberth"}])
    assert texts({**mounted, "volumes": [{"name": "hooks", "emptyDir": {}}]}, LLAMA_CPP) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"volumes": [{"name": "cache", "emptyDir": {}}]},
        engine(volumeMounts=[{"name": "a", "mountPath": "/cache/mine"}]),
        fetch(volumeMounts=[{"name": "a", "mountPath": "/cache"}]),
    ],
)
def test_the_cache_is_ours_where_the_spec_asks_for_one(spec: dict[str, Any]) -> None:
    claim = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
    assert texts(spec) == []
    (found,) = texts(spec, {"spec.weights.cache": claim})
    assert "the cache of spec.weights" in found


def test_the_paths_are_those_of_the_manifests() -> None:
    # The API package imports nothing of the manifests, so it has names of its own.
    ours = (pod_template_rules.MODEL_DIR, pod_template_rules.CACHE_DIR, pod_template_rules.HOOKS_DIR)
    assert ours == (names.MODEL_DIR, names.CACHE_DIR, names.HOOKS_DIR)


@pytest.mark.parametrize("kind", FACTS)
def test_the_table_has_every_variable_that_an_engine_is_given(kind: EngineType) -> None:
    owned = {name for each in FACTS[kind].owned_env for name in each.names}
    launches = [ENGINES[kind].launch(berth(fields)) for fields in every_value(kind)]
    assert {item["name"] for launch in launches for item in launch.env} - owned == set(FACTS[kind].set_env)


def test_the_names_are_those_of_the_manifests() -> None:
    rules = pod_template_rules
    ours = (rules.ENGINE_CONTAINER, rules.FETCH_CONTAINER, rules.RELAY_CONTAINER, rules.MODEL_DIR)
    assert ours == (names.ENGINE, names.FETCH, names.RELAY, names.MODEL_DIR)


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        (
            {"labels": {"modelberth.dev/modeldeployment": "x"}},
            "labels[modelberth.dev/modeldeployment]: is Modelberth's",
        ),
        ({"labels": {"app.kubernetes.io/name": "x"}}, "labels[app.kubernetes.io/name]: is Modelberth's own"),
        ({"labels": {"a": 1}}, "labels: must be a map of strings"),
        ({"label": {}}, "label: only labels and annotations can be added; did you mean labels?"),
    ],
)
def test_metadata(metadata: dict[str, Any], text: str) -> None:
    (found,) = findings(resource({"spec.podTemplate.metadata": metadata}))
    assert str(found).startswith(f"spec.podTemplate.metadata.{text}")
