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
    if isinstance(patch, dict):
        result = dict(base) if isinstance(base, dict) else {}
        for name, value in patch.items():
            if value is None:
                result.pop(name, None)
            else:
                result[name] = merged(result.get(name), value, name)
        return result
    if field in MERGE_KEYS and isinstance(patch, list):
        return _merged_list(base if isinstance(base, list) else [], patch, field)
    return patch


def by_name(base: Iterable[dict[str, Any]], patch: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two lists of named items as one, where the patch's item wins whole: server-side apply refuses a name twice."""
    return list({item["name"]: item for item in (*base, *patch)}.values())


def _merged_list(base: list[Any], patch: list[Any], field: str) -> list[Any]:
    """Items in the order of ``base``; new ones follow in theirs."""
    key = MERGE_KEYS[field]
    result = list(base)
    for item in patch:
        if not (isinstance(item, dict) and key in item):
            result.append(item)
            continue
        same = (index for index, there in enumerate(result) if isinstance(there, dict) and there.get(key) == item[key])
        index = next(same, None)
        if index is None:
            result.append(merged({}, item))
        else:
            result[index] = merged(_retained(result[index], item, field), item)
    return result


def _retained(there: dict[str, Any], item: dict[str, Any], field: str) -> dict[str, Any]:
    """A volume has one source: another one takes its place (patchStrategy retainKeys), any other item is kept whole."""
    if field == "volumes" and len(item) > 1:
        return {name: value for name, value in there.items() if name in item}
    return there
