"""What the watches have seen, trimmed to what is read."""

import sys
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from modelberth.api.meta import KIND
from modelberth.manifests.names import FACTS_LABEL, OWNER_LABEL, PREFETCH_LABEL

Raw = dict[str, Any]
Key = tuple[str, str]
"""(namespace, name) of a ModelDeployment."""

MAX_DELETED = 10_000
MAX_WORD = 64
"""Characters of a string that is likely to stand in many objects."""


class Store:
    """Newest known version of every object, by kind, namespace and name; pods also by their ModelDeployment."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[Key, Raw]] = defaultdict(dict)
        self._pods_of: dict[Key, dict[str, Raw]] = defaultdict(dict)
        self._deleted: OrderedDict[str, int] = OrderedDict()
        """uid -> version at its deletion: a list that was read before must not bring the object back."""

    def get(self, kind: str, namespace: str, name: str) -> Raw | None:
        return self._objects[kind].get((namespace, name))

    def pods(self, namespace: str, name: str) -> list[Raw]:
        """Engine pods of one ModelDeployment, oldest first."""
        pods = self._pods_of.get((namespace, name), {})
        return sorted(pods.values(), key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))

    def all(self, kind: str) -> list[Raw]:
        """Every object of the kind."""
        return list(self._objects[kind].values())

    def resources(self) -> list[Key]:
        """Every ModelDeployment."""
        return list(self._objects[KIND])

    def remember(self, kind: str, raw: Mapping[str, Any]) -> bool:
        """Keeps the object unless a newer version is known; says whether it was news.

        A PATCH's answer and the watch bring the same version: the second one is no news.
        """
        meta = raw["metadata"]
        key = (meta["namespace"], meta["name"])
        known = self._objects[kind].get(key)
        if known is not None and _version(known) >= _version(raw):
            return False
        if _version(raw) < self._deleted.get(meta.get("uid", ""), 0):
            return False
        kept = trimmed(kind, raw)
        if kind == "Pod" and known is not None:
            self._drop_pod(known)
        self._objects[kind][key] = kept
        if kind == "Pod" and (owner := _engine_owner(kept)):
            self._pods_of[owner][meta["name"]] = kept
        return True

    def forget(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Drops a deleted object; a newer one of the same name stays."""
        meta = raw["metadata"]
        key = (meta["namespace"], meta["name"])
        known = self._objects[kind].get(key)
        if known is None or known["metadata"].get("uid") != meta.get("uid"):
            return
        del self._objects[kind][key]
        if kind == "Pod":
            self._drop_pod(known)

    def deleted(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Drops an object whose deletion was seen, and remembers that older news of it are stale.

        Of the same version it may come back: to a watch with a selector, an object that lost the label is deleted.
        """
        meta = raw["metadata"]
        known = self._objects[kind].get((meta["namespace"], meta["name"]))
        if known is not None and known["metadata"].get("uid") == meta["uid"] and _version(known) > _version(raw):
            return  # late news: it has its label back
        self.forget(kind, raw)
        self._deleted[meta["uid"]] = max(_version(raw), self._deleted.get(meta["uid"], 0))
        if len(self._deleted) > MAX_DELETED:
            self._deleted.popitem(last=False)

    def _drop_pod(self, pod: Raw) -> None:
        if owner := _engine_owner(pod):
            pods = self._pods_of.get(owner, {})
            pods.pop(pod["metadata"]["name"], None)
            if not pods:
                self._pods_of.pop(owner, None)

    def prune(self, kind: str, listed: Iterable[Key], before: int) -> list[Raw]:
        """Drops ghosts: objects that a complete list did not hold and that are no newer than it (``before``)."""
        present = set(listed)
        ghosts = [raw for key, raw in self._objects[kind].items() if key not in present and _version(raw) <= before]
        for ghost in ghosts:
            self.forget(kind, ghost)
        return ghosts

    def newest(self, kind: str) -> int:
        """Highest resourceVersion seen of the kind; 0 when there is none."""
        return max((_version(raw) for raw in self._objects[kind].values()), default=0)

    def count(self) -> dict[str, int]:
        """Objects held, by kind."""
        return {kind: len(objects) for kind, objects in self._objects.items()}


POD_META = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "labels",
    "ownerReferences",
    "creationTimestamp",
    "deletionTimestamp",
)
POD_CONDITIONS = ("PodScheduled", "PodReadyToStartContainers", "ContainersReady")
CONDITION = ("type", "status", "reason", "message", "lastTransitionTime")
CONTAINER_STATUS = ("name", "image", "ready", "started", "state", "lastState")


def trimmed(kind: str, raw: Mapping[str, Any]) -> Raw:
    """The object without what nobody reads: managedFields everywhere, and most of a pod."""
    meta = {name: value for name, value in raw["metadata"].items() if name != "managedFields"}
    if kind != "Pod":
        return _shared({**raw, "metadata": meta})
    status = raw.get("status", {})
    kept = {name: status[name] for name in ("phase", "reason", "message", "podIP") if name in status}
    kept["conditions"] = [
        _picked(condition, CONDITION)
        for condition in status.get("conditions") or []
        if condition.get("type") in POD_CONDITIONS
    ]
    if changed := _status_changed(raw["metadata"]):
        kept["changedAt"] = changed
    for name in ("initContainerStatuses", "containerStatuses"):
        kept[name] = [_picked(container, CONTAINER_STATUS) for container in status.get(name) or []]
    return _shared(
        {
            "metadata": _picked(meta, POD_META + (("annotations", "ownerReferences") if _runs_an_errand(meta) else ())),
            "status": kept,
        }
    )


def _status_changed(meta: Mapping[str, Any]) -> str:
    """When anything in the status changed last, RFC 3339; empty where the API server does not say it.

    That a container has started, or is not ready any more, carries no time of its own.
    """
    entries = (entry for entry in meta.get("managedFields") or [] if entry.get("subresource") == "status")
    return max((entry.get("time", "") for entry in entries), default="")


def _runs_an_errand(meta: Mapping[str, Any]) -> bool:
    labels = meta.get("labels") or {}
    return FACTS_LABEL in labels or PREFETCH_LABEL in labels


def _picked(raw: Mapping[str, Any], names: Iterable[str]) -> Raw:
    return {name: raw[name] for name in names if name in raw}


def _shared(value: Raw) -> Raw:
    shared: Raw = _interned(value)
    return shared


def _interned(value: Any) -> Any:
    """The value with one copy of each word in it: JSON brings every key of every object as a string of its own."""
    if isinstance(value, dict):
        return {sys.intern(name): _interned(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_interned(inner) for inner in value]
    return sys.intern(value) if isinstance(value, str) and len(value) <= MAX_WORD else value


def owner_key(raw: Mapping[str, Any]) -> Key | None:
    """The ModelDeployment that a child or a pod belongs to, by its label."""
    labels = raw["metadata"].get("labels") or {}
    name = labels.get(OWNER_LABEL) or labels.get(FACTS_LABEL) or labels.get(PREFETCH_LABEL)
    return (raw["metadata"]["namespace"], name) if name else None


def _engine_owner(pod: Mapping[str, Any]) -> Key | None:
    """The ModelDeployment of an engine pod; the pod that reads a model's files is none."""
    name = (pod["metadata"].get("labels") or {}).get(OWNER_LABEL)
    return (pod["metadata"]["namespace"], name) if name else None


def _version(raw: Mapping[str, Any]) -> int:
    return int(raw["metadata"].get("resourceVersion") or 0)
