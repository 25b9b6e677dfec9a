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
    result = {key: item for key, item in there.items() if key in new or key not in old}
    for key, item in new.items():
        result[key] = merged(there.get(key), item, old.get(key))
    return list(result.values())


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
