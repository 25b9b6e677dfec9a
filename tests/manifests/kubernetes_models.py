"""Manifests against the official client's models: every field is spelt as in the API and has its type."""

from typing import Any

from kubernetes import client

_MODELS: dict[tuple[str, str], Any] = {
    ("apps/v1", "Deployment"): client.V1Deployment,
    ("v1", "Service"): client.V1Service,
    ("v1", "ConfigMap"): client.V1ConfigMap,
    ("v1", "PersistentVolumeClaim"): client.V1PersistentVolumeClaim,
    ("v1", "Pod"): client.V1Pod,
    ("policy/v1", "PodDisruptionBudget"): client.V1PodDisruptionBudget,
}
_FREE = ("labels", "annotations", "matchLabels", "nodeSelector", "limits", "requests", "data", "selector")
"""Maps whose keys are not fields."""


def validate(manifest: dict[str, Any]) -> None:
    """Raises ValidationError where a field is unknown or of another type, AssertionError where it is spelt wrongly."""
    _MODELS[manifest["apiVersion"], manifest["kind"]].model_validate(manifest, strict=True, extra="forbid")
    _not_in_python_case(manifest, "")


def _not_in_python_case(value: Any, field: str) -> None:
    """The models also take Python's names (image_pull_policy), which the API server does not."""
    if isinstance(value, dict):
        for name, inner in value.items():
            assert field in _FREE or "_" not in name, name
            _not_in_python_case(inner, name)
    elif isinstance(value, list):
        for item in value:
            _not_in_python_case(item, field)
