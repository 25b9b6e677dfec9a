"""An API server in memory: ``ports.kube.Kube`` with versions, generations, owners, watches and a count of writes."""

import copy
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from modelberth.api.meta import KIND
from modelberth.manifests.names import MANAGED_BY, MANAGER
from modelberth.ports.kube import FIELD_MANAGER, ApiError

from .clock import moment
from .merge import kept, merged, normalised, without

Raw = dict[str, Any]
Raws = list[Raw]
Id = tuple[str, str, str]
"""kind, namespace, name"""

HAS_GENERATION = {KIND, "Deployment", "PodDisruptionBudget"}
DEFAULTS: dict[str, Raw] = {
    "Service": {"clusterIP": "10.0.0.7", "sessionAffinity": "None", "ipFamilyPolicy": "SingleStack"},
    "Deployment": {"minReadySeconds": 0, "paused": False, "replicas": 1},
}


@dataclass
class Refusal:
    """The next ``times`` calls of the verb fail. ``kind`` may be "ModelDeployment/status"."""

    verb: str
    kind: str
    error: ApiError
    times: int


@dataclass
class FakeKube:
    """``listener(kind, type, object)`` hears what watches with our label selector would tell."""

    listener: Callable[[str, str, Raw], None] = field(default=lambda kind, event, raw: None)
    writes: "Counter[tuple[str, str]]" = field(default_factory=Counter)
    """(verb, kind) of every write that was asked for, as an audit log counts them. Events are in ``events``."""
    reads: "Counter[str]" = field(default_factory=Counter)
    events: list[Raw] = field(default_factory=list)
    objects: dict[Id, Raw] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    version: int = 100
    """Newest resourceVersion."""
    _applied: dict[tuple[Id, str], Raw] = field(default_factory=dict)
    """What each field manager applied last, by object and manager/subresource."""

    # --- what the operator calls ---

    async def get(self, kind: str, namespace: str, name: str) -> Raw | None:
        self.reads[kind] += 1
        self._refuse("get", kind)
        found = self.objects.get((kind, namespace, name))
        return copy.deepcopy(found) if found else None

    async def apply(self, manifest: Raw, subresource: str = "", manager: str = FIELD_MANAGER) -> Raw:
        kind = manifest["kind"]
        what = f"{kind}/{subresource}" if subresource else kind
        self.writes["apply", what] += 1
        self._refuse("apply", what)
        at = _id(kind, manifest)
        live = self.objects.get(at)
        if live is None and subresource:
            raise ApiError(404, f"{kind} {at[2]!r} not found")
        key = (at, f"{manager}/{subresource}")
        others = [applied for (its, who), applied in self._applied.items() if its == at and (its, who) != key]
        before = self._applied.get(key, {})
        for other in others:
            before = without(before, other)
        self._applied[key] = copy.deepcopy(manifest)
        if live is None:
            return copy.deepcopy(self._new(kind, manifest))
        changed: Raw = merged(live, manifest, before)
        if kind == "Deployment":
            changed.setdefault("spec", {}).setdefault("replicas", 1)
        return copy.deepcopy(self._update(at, live, changed, subresource))

    async def delete(self, kind: str, namespace: str, name: str, uid: str) -> None:
        self.writes["delete", kind] += 1
        self._refuse("delete", kind)
        live = self.objects.get((kind, namespace, name))
        if live is not None and live["metadata"]["uid"] == uid:
            self.remove(kind, namespace, name)

    async def create(self, manifest: Raw) -> Raw:
        kind = manifest["kind"]
        if kind != "Event":
            self.writes["create", kind] += 1
        self._refuse("create", kind)
        if kind == "Event":
            self.events.append(copy.deepcopy(manifest))
            return manifest
        if _id(kind, manifest) in self.objects:
            raise ApiError(409, "already exists")
        return copy.deepcopy(self._new(kind, manifest))

    async def list(self, kind: str, namespace: str | None, selector: str) -> AsyncIterator[Raw]:
        for (its_kind, its_namespace, _), raw in list(self.objects.items()):
            if its_kind == kind and namespace in (None, its_namespace) and (not selector or _ours(raw)):
                yield {name: copy.deepcopy(part) for name, part in raw.items() if name not in ("kind", "apiVersion")}

    # --- what everyone else does ---

    def refuse(self, verb: str, kind: str, status: int, message: str = "no", times: int = 1) -> None:
        """Let the next calls fail; ``times`` -1 is for ever."""
        self.refusals.append(Refusal(verb, kind, ApiError(status, message), times))

    def put(self, kind: str, raw: Raw) -> Raw:
        """Somebody else creates an object."""
        return self._new(kind, raw)

    def edit(self, kind: str, namespace: str, name: str, change: Callable[[Raw], object]) -> Raw:
        """Somebody else changes an object: ``change`` does it in place."""
        at = (kind, namespace, name)
        changed = copy.deepcopy(self.objects[at])
        change(changed)
        for key, applied in list(self._applied.items()):
            if key[0] == at:
                # Who changes a value owns it from then on.
                self._applied[key] = kept(applied, changed)
        return self._update(at, self.objects[at], changed, "")

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """An object goes, and with it what it owns."""
        raw = self.objects.pop((kind, namespace, name))
        for key in [key for key in self._applied if key[0] == (kind, namespace, name)]:
            del self._applied[key]
        self.version += 1
        raw = copy.deepcopy(raw)
        raw["metadata"]["resourceVersion"] = str(self.version)
        self._tell(kind, "DELETED", raw)
        for at, owned in list(self.objects.items()):
            owners = owned["metadata"].get("ownerReferences") or []
            if at in self.objects and any(owner["uid"] == raw["metadata"]["uid"] for owner in owners):
                self.remove(*at)

    def of(self, kind: str) -> Raws:
        """Every object of a kind."""
        return [raw for at, raw in self.objects.items() if at[0] == kind]

    def forget_writes(self) -> None:
        """Counts from here."""
        self.writes.clear()
        self.events.clear()
        self.reads.clear()

    # --- inside ---

    def _new(self, kind: str, manifest: Raw) -> Raw:
        self.version += 1
        raw: Raw = normalised(copy.deepcopy({**manifest, "kind": kind}))
        if kind in DEFAULTS:
            raw["spec"] = {**DEFAULTS[kind], **raw["spec"]}
        made = {"uid": f"uid-{self.version}", "creationTimestamp": moment()}
        raw["metadata"] = {**made, **raw["metadata"], "resourceVersion": str(self.version)}
        if kind in HAS_GENERATION:
            raw["metadata"]["generation"] = 1
        self.objects[_id(kind, raw)] = raw
        self._tell(kind, "ADDED", raw)
        return raw

    def _update(self, at: Id, live: Raw, changed: Raw, subresource: str) -> Raw:
        changed = normalised(changed)
        if subresource:
            changed = {**live, subresource: changed.get(subresource)}
        changed["metadata"] = {**changed["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
        if changed == live:
            return live  # Server-side apply that changes nothing makes no new version, and no watch hears of it.
        self.version += 1
        changed["metadata"]["resourceVersion"] = str(self.version)
        if at[0] in HAS_GENERATION and changed.get("spec") != live.get("spec"):
            changed["metadata"]["generation"] = live["metadata"]["generation"] + 1
        self.objects[at] = changed
        if at[0] == KIND or _ours(changed):
            self._tell(at[0], "MODIFIED" if at[0] == KIND or _ours(live) else "ADDED", changed)
        elif _ours(live):
            # To a watch with a selector, an object that lost the label is gone.
            self._tell(at[0], "DELETED", changed)
        return changed

    def _tell(self, kind: str, event: str, raw: Raw) -> None:
        if kind == KIND or _ours(raw) or event == "DELETED":
            self.listener(kind, event, copy.deepcopy(raw))

    def _refuse(self, verb: str, kind: str) -> None:
        for refusal in self.refusals:
            if (refusal.verb, refusal.kind) == (verb, kind) and refusal.times != 0:
                refusal.times -= 1
                raise refusal.error


def _ours(raw: Raw) -> bool:
    return (raw["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER


def _id(kind: str, raw: Raw) -> Id:
    return kind, raw["metadata"]["namespace"], raw["metadata"]["name"]
