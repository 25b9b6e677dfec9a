"""ModelDeployments for tests: a valid one, changes of it by path, and strategies that mix them."""

import copy
from typing import Any

from hypothesis import strategies as st

Resource = dict[str, Any]
Changes = dict[str, Any]

ABSENT = ...
"""As a value of a change: remove the field."""


def resource(changes: Changes | None = None, engine: str = "vLLM") -> Resource:
    """A valid resource with the fields at the paths replaced: ``{"spec.engine.args": ["--x"]}``."""
    made: Resource = {
        "apiVersion": "modelberth.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "llama3"},
        "spec": {"model": {"uri": "hf://org/name"}, "engine": {"type": engine}},
    }
    return changed(made, changes or {})


def changed(made: Resource, changes: Changes) -> Resource:
    """A copy of the resource with the fields at the paths replaced; parts that are missing or no maps are made."""
    made = copy.deepcopy(made)
    for path, value in changes.items():
        _set(made, path.split("."), copy.deepcopy(value))
    return made


def _set(target: Any, path: list[str], value: Any) -> None:
    for name in path[:-1]:
        if not isinstance(target.get(name), dict):
            target[name] = {}
        target = target[name]
    if value is ABSENT:
        target.pop(path[-1], None)
    else:
        target[path[-1]] = value


def _optional(path: str, *values: Any) -> st.SearchStrategy[Changes]:
    return st.one_of(st.just({}), st.sampled_from([{path: value} for value in values]))


VALID_URIS = {
    "LlamaCpp": [
        "hf://org/name",
        "hf://org/name/Q4_K_M/model.GGUF",
        "hf://org/name@main/model.gguf",
        "hf://org/na.me@refs%2Fpr%2F1",
        "pvc://claim/folder/model.gguf",
        "oci://registry.example:5000/org/model:v1",
    ],
    "vLLM": [
        "hf://org/name",
        "hf://org/name@v1.0",
        "hf://casperhansen/llama-3-8b-instruct-awq@refs%2Fpr%2F1",
        "pvc://claim",
        "pvc://claim/",
        "pvc://my.claim/folder",
        "oci://image",
        "oci://a.b/c/d@sha256:" + "0" * 64,
    ],
}
VALID_URIS["SGLang"] = VALID_URIS["vLLM"]

VALID_WEIGHTS = (
    {"prefetch": False},
    {"cache": {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "models"}}, "prefetch": True},
    {
        "cache": {
            "type": "PersistentVolumeClaim",
            "persistentVolumeClaim": {"size": "50Gi", "storageClassName": "fast", "accessMode": "ReadWriteOnce"},
        }
    },
    {"cache": {"type": "HostPath", "hostPath": {"path": "/var/lib/models"}}},
)

_EVERYWHERE = (
    _optional("spec.maxModelLen", 1, 4096, 4096.0, None),
    _optional("spec.maxNumSeqs", 1, 256),
    _optional("spec.gpuMemoryUtilization", 1, 0.95, 0.0001),
    _optional("spec.parallelism.tensor", 1, 8, None),
    _optional("spec.replicas", 0, 3, None),
    _optional("spec.device", "CPU", "GPU"),
    _optional("spec.model.servedName", "llama3", "org/model:latest"),
    _optional("spec.model.trustRemoteCode", True, False),
    _optional("spec.gpu", {"type": "NVIDIA-L4"}, {"memoryGiB": 24, "computeCapability": "8.9"}, None),
    _optional("spec.resources.limits.memory", "8Gi", 8589934592, "0.5Ti", "1e9"),
    _optional("spec.resources.requests.cpu", 2, "500m", None),
    _optional("spec.engine.image", "example.com/engine:v0.32.0", None),
    _optional(
        "spec.engine.env",
        [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    ),
    _optional("spec.engine.args", ["--seed", "1"], ["-v"], ["--seed=1", "4096", ""]),
    _optional("spec.rollout", {"maxSurge": 1, "maxUnavailable": 0}, {"drainTimeout": "10m", "onFailure": "Rollback"}),
    _optional(
        "spec.podTemplate",
        {"spec": {"priorityClassName": "high", "more": {"inner": None}}},
        {"metadata": {"labels": {"a": "b"}}},
    ),
)


@st.composite
def valid_resources(draw: st.DrawFn) -> Resource:
    """Resources that the schema and the rules accept."""
    engine = draw(st.sampled_from(["vLLM", "SGLang", "LlamaCpp"]))
    changes: Changes = {"spec.model.uri": draw(st.sampled_from(VALID_URIS[engine]))}
    for field in _EVERYWHERE:
        changes |= draw(field)
    if engine == "LlamaCpp":
        changes |= draw(_optional("spec.parallelism", {"tensor": 2}, {"pipeline": 2}))
    else:
        changes |= draw(_optional("spec.dtype", "half", "bfloat16"))
        changes |= draw(_optional("spec.parallelism.data", 1, 2))
        changes |= draw(_optional("spec.quantization", "awq", "fp8"))
    if engine != "SGLang":
        changes |= draw(_optional("spec.apiKeySecretRef", {"name": "keys"}, {"name": "keys", "key": "token"}))
    if changes["spec.model.uri"].startswith("hf://"):
        changes |= draw(_optional("spec.model.secretRef", {"name": "hf-token"}))
        changes |= draw(_optional("spec.weights", *VALID_WEIGHTS))
    if changes.get("spec.device") == "CPU":
        changes.setdefault("spec.resources.limits.memory", "8Gi")
    return resource(changes, engine)
