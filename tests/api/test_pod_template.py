"""spec.podTemplate: what it must leave to typed fields, and shapes that cannot be merged."""

from typing import Any

import pytest

from modelberth.api.validation import findings
from tests.api.resources import resource

SPEC = "spec.podTemplate.spec"


def texts(spec: dict[str, Any]) -> list[str]:
    return [str(finding) for finding in findings(resource({SPEC: spec}))]


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
        ({"initContainers": [{"name": "fetch", "image": "x"}]}, "initContainers[0].image: is Modelberth's own"),
        (
            {"volumes": [{"name": "weights", "emptyDir": {}}]},
            "volumes[0].name: weights is the volume of spec.model.uri",
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
    ],
)
def test_accepted(spec: dict[str, Any]) -> None:
    assert texts(spec) == []


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
