"""spec.podTemplate merges as kubectl's own strategic merge patch does, for what the field's description promises."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.command import Command
from modelberth.manifests.merge import merged
from tests.golden.regenerate import EXAMPLES, rendered

pytestmark = pytest.mark.timeout(300)

_KEYS = {"containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "volumeMounts": "mountPath"}

PATCHES: list[dict[str, Any]] = [
    {},
    {"runtimeClassName": "nvidia", "nodeSelector": {"zone": "a", "nvidia.com/gpu.product": None}},
    {"tolerations": [{"key": "team", "operator": "Exists"}]},
    {"tolerations": None},
    {"affinity": {"nodeAffinity": None, "podAffinity": {}}},
    {"securityContext": {"fsGroup": 1, "runAsGroup": None}},
    {"containers": [{"name": "beside", "image": "busybox"}, {"name": "engine", "tty": True}]},
    {"containers": [{"name": "engine", "env": [{"name": "HOME", "value": "/x"}, {"name": "NEW", "value": "1"}]}]},
    {"containers": [{"name": "engine", "volumeMounts": [{"name": "home", "mountPath": "/tmp", "subPath": "a"}]}]},
    {"containers": [{"name": "engine", "ports": [{"containerPort": 8000, "hostPort": 1}, {"containerPort": 9}]}]},
    {"containers": [{"name": "engine", "securityContext": {"capabilities": {"drop": ["NET_RAW"]}}}]},
    {"containers": [{"name": "engine", "lifecycle": None, "readinessProbe": {"httpGet": {"path": "/ready"}}}]},
    {"initContainers": [{"name": "fetch", "resources": {"limits": {"memory": "4Gi", "cpu": "1"}}}]},
    {"initContainers": [{"name": "check", "image": "busybox", "command": ["true"]}]},
    {"volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "more", "emptyDir": {}}]},
    {"volumes": [{"name": "home", "emptyDir": None, "persistentVolumeClaim": {"claimName": "caches"}}]},
]


def ordered(value: Any, field: str = "") -> Any:
    """Without the order of lists that are merged by a key, which means nothing."""
    if isinstance(value, dict):
        return {name: ordered(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        items = [ordered(item) for item in value]
        return sorted(items, key=lambda item: str(item[_KEYS[field]])) if field in _KEYS else items
    return value


@pytest.mark.parametrize("patch", PATCHES, ids=json.dumps)
def test_a_patch_gives_what_kubectl_makes_of_it(kubectl: Command, tmp_path: Path, patch: dict[str, Any]) -> None:
    template = next(yaml.safe_load_all(rendered(EXAMPLES / "llama3-awq.yaml")))["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": template["spec"]}
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(pod))
    args = ("patch", "--local", "--type=strategic", "-o", "json", "-f", str(file), "-p", json.dumps({"spec": patch}))
    theirs = json.loads(kubectl(*args))["spec"]
    assert ordered(merged(template["spec"], patch)) == ordered(theirs)
