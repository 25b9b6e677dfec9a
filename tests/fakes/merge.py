"""Server-side apply, as far as our manifests need it: who set which field, and what one manager stops setting."""

import copy
from collections.abc import Iterable
from typing import Any

KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "ownerReferences": ("uid",),
    "conditions": ("type",),
    "ports": ("containerPort", "port"),
    "topologySpreadConstraints": ("topologyKey",),
}
"""Field -> the names of its list-map key, of which an item has one. Any other list is atomic."""


def merged(live: Any, applied: Any, before: Any, field: str = "") -> Any:
    """``applied`` over ``live``; what the same manager applied ``before`` and leaves out now is removed."""
    if isinstance(applied, dict) and isinstance(live, dict):
        return _map(live, applied, before if isinstance(before, dict) else {})
    if field in KEYS and isinstance(applied, list) and isinstance(live, list):
        return _keyed(live, applied, before if isinstance(before, list) else [], field)
    return copy.deepcopy(applied)


def _map(live: dict[str, Any], applied: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    result = {name: value for name, value in live.items() if name in applied or name not in before}
    for name, value in applied.items():
        result[name] = merged(live.get(name), value, before.get(name), name)
    return result


def _keyed(live: list[Any], applied: list[Any], before: list[Any], field: str) -> list[Any]:
    there, old, new = (_by_key(items, field) for items in (live, before, applied))
    # What is applied keeps its order, and what others added its place before an item that was there.
    # https://github.com/kubernetes-sigs/structured-merge-diff/blob/v6.3.0/typed/merge.go (visitListItems)
    others = [key for key in there if key not in new]
    places = {key: index for index, key in enumerate(there)}
    result: list[Any] = []
    for key, item in new.items():
        while others and places[others[0]] < places.get(key, -1):
            result.append((others.pop(0), None))
        result.append((key, item))
    result += [(key, None) for key in others]
    return [
        there[key] if item is None else merged(there.get(key), item, old.get(key))
        for key, item in result
        if item is not None or key not in old
    ]


def _by_key(items: Iterable[Any], field: str) -> dict[Any, Any]:
    return {next(item[name] for name in KEYS[field] if name in item): item for item in items}


def normalised(value: Any, field: str = "") -> Any:
    """What the API server makes of a value: whole cores instead of 1000m, no empty lists, no nulls."""
    if isinstance(value, dict):
        kept = {name: normalised(inner, name) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner is not None and inner != []}
    if isinstance(value, list):
        return [normalised(inner) for inner in value]
    if field == "cpu" and isinstance(value, str) and value.endswith("000m"):
        return value.removesuffix("000m")
    return value


def without(owned: Any, other: Any) -> Any:
    """What only the first manager set: fields that ``other`` set too are not removed with it."""
    if not isinstance(owned, dict) or not isinstance(other, dict):
        return owned
    return {
        name: without(value, other[name]) if name in other else value
        for name, value in owned.items()
        if name not in other or isinstance(value, dict)
    }


def kept(owned: Any, live: Any) -> Any:
    """What a manager still owns of what it applied, now that somebody changed the object."""
    if not isinstance(owned, dict) or not isinstance(live, dict):
        return owned
    return {
        name: kept(value, live[name])
        for name, value in owned.items()
        if name in live and (isinstance(value, dict | list) or value == live[name])
    }
