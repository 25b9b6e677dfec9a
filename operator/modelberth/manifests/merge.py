"""spec.podTemplate over the pod that we build, with Kubernetes' own merge keys.

The keys are those of the API's strategic merge patch (patchMergeKey in k8s.io/api/core/v1/types.go):
https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from collections.abc import Iterable
from typing import Any

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}


def merged(base: Any, patch: Any, field: str = "") -> Any:
    """``patch`` over ``base``: maps merge, keyed lists merge by their key, anything else is replaced, null removes.

    ``field`` is the name of the field that both are the value of. Neither argument is changed.
    """
    if isinstance(base, dict) and isinstance(patch, dict):
        result = dict(base)
        for name, value in patch.items():
            if value is None:
                result.pop(name, None)
            else:
                result[name] = merged(base[name], value, name) if name in base else value
        return result
    key = MERGE_KEYS.get(field)
    if key and isinstance(base, list) and isinstance(patch, list):
        return _merged_list(base, patch, key)
    return patch


def by_name(base: Iterable[dict[str, Any]], patch: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two lists of named items as one, where the patch's item wins whole: server-side apply refuses a name twice."""
    return list({item["name"]: item for item in (*base, *patch)}.values())


def _merged_list(base: list[Any], patch: list[Any], key: str) -> list[Any]:
    overlay = {item[key]: item for item in patch if isinstance(item, dict) and key in item}
    kept = [merged(item, overlay.pop(item[key])) if item[key] in overlay else item for item in base]
    keyless = [item for item in patch if not (isinstance(item, dict) and key in item)]
    return kept + list(overlay.values()) + keyless
