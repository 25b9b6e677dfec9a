"""What must be true of the namespace once everything has settled. Pure: objects in, violations out."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from e2e.soak.fleet import Wanted, children, replicas
from e2e.soak.shapes import Shapes

Raw = dict[str, Any]

RESOURCE = "ModelDeployment"
OWNER = "modelberth.dev/modeldeployment"
SERVICE = "kubernetes.io/service-name"
KINDS = (RESOURCE, "Deployment", "ReplicaSet", "Service", "PodDisruptionBudget", "EndpointSlice", "Pod")


@dataclass(frozen=True)
class Seen:
    """Everything in the namespace, by kind and name."""

    objects: dict[tuple[str, str], Raw]

    @classmethod
    def of(cls, items: Iterable[Raw]) -> "Seen":
        return cls({(item["kind"], item["metadata"]["name"]): item for item in items})

    def all(self, kind: str) -> list[Raw]:
        return [item for (found, _), item in self.objects.items() if found == kind]

    def owned(self, kind: str, uid: str) -> list[Raw]:
        """Objects of the kind whose controller has the uid."""
        return [item for item in self.all(kind) if owners(item) == [uid]]


def owners(item: Raw) -> list[str]:
    """The uids of all owners."""
    return [reference["uid"] for reference in item["metadata"].get("ownerReferences", [])]


def label(item: Raw, name: str) -> str:
    return str(item["metadata"].get("labels", {}).get(name, ""))


def violations(seen: Seen, wanted: Wanted, shapes: Shapes) -> list[str]:
    """One line each; none where every resource and everything that belongs to it is as it should be."""
    found = []
    accounted: set[tuple[str, str]] = set()
    for name, spec in sorted(wanted.specs.items()):
        resource = seen.objects.get((RESOURCE, name))
        if resource is None:
            found.append(f"{name}: the resource is lost")
            continue
        one = _One(name, spec, resource["metadata"]["uid"], seen)
        accounted |= {(RESOURCE, name)} | one.belongings()
        lines = [*_told(resource, spec), *one.children(shapes), *one.pods(), *_status(resource, one)]
        found += [f"{name}: {line}" for line in lines]
    strays = sorted(seen.objects.keys() - accounted)
    return found + [f"{kind} {name} belongs to nobody" for kind, name in strays]


@dataclass(frozen=True)
class _One:
    """One resource and what belongs to it."""

    name: str
    spec: Raw
    uid: str
    seen: Seen

    def belongings(self) -> set[tuple[str, str]]:
        """What may be there: children, and what Kubernetes makes of them."""
        made = {key for key in children(self.name, self.spec) if key in self.seen.objects}
        for kind, name in list(made):
            uid = self.seen.objects[kind, name]["metadata"]["uid"]
            for grandchild in ("ReplicaSet", "EndpointSlice"):
                made |= {(grandchild, item["metadata"]["name"]) for item in self.seen.owned(grandchild, uid)}
        for kind, name in list(made):
            if kind == "ReplicaSet":
                uid = self.seen.objects[kind, name]["metadata"]["uid"]
                made |= {("Pod", pod["metadata"]["name"]) for pod in self.seen.owned("Pod", uid)}
        return made

    def children(self, shapes: Shapes) -> list[str]:
        lines = []
        for kind, name in sorted(children(self.name, self.spec)):
            child = self.seen.objects.get((kind, name))
            if child is None:
                lines.append(f"{kind} {name} is missing")
            elif "deletionTimestamp" in child["metadata"]:
                lines.append(f"{kind} {name} is going")
            elif owners(child) != [self.uid]:
                lines.append(f"{kind} {name} has other owners")
            elif drift := shapes.drift(child, self.name, self.spec):
                lines.append(f"{kind} {name} has drifted: {', '.join(drift[:5])}")
        return lines

    def pods(self) -> list[str]:
        """One ReplicaSet has all pods, and all of them answer."""
        wanted = replicas(self.spec)
        workload = self.seen.objects.get(("Deployment", self.name))
        if workload is None:
            return []
        lines = [] if workload["spec"].get("replicas") == wanted else [f"the Deployment asks for other than {wanted}"]
        sets = self.seen.owned("ReplicaSet", workload["metadata"]["uid"])
        working = [one for one in sets if one["spec"].get("replicas")]
        if len(working) != min(wanted, 1):
            lines.append(f"{len(working)} ReplicaSets have pods")
        pods = [pod for one in sets for pod in self.seen.owned("Pod", one["metadata"]["uid"])]
        if len(pods) != wanted or any("deletionTimestamp" in pod["metadata"] for pod in pods):
            lines.append(f"{len(pods)} pods, not {wanted}, or some are going")
        if (answering := self.endpoints()) != wanted:
            lines.append(f"{answering} endpoints answer, not {wanted}")
        return lines

    def endpoints(self) -> int:
        """Pods that the Service leads to."""
        slices = [item for item in self.seen.all("EndpointSlice") if label(item, SERVICE) == self.name]
        own = [item for item in slices if not item["metadata"]["name"].endswith("-activator")]
        found = [endpoint for item in own for endpoint in item.get("endpoints") or []]
        return sum(1 for endpoint in found if endpoint.get("conditions", {}).get("ready"))


def _told(resource: Raw, spec: Raw) -> list[str]:
    return [] if contains(resource["spec"], spec) else ["the spec is another than what was applied"]


def contains(value: Any, part: Any) -> bool:
    """Whether ``value`` is ``part`` with defaults filled in."""
    if isinstance(part, dict):
        return isinstance(value, dict) and all(contains(value.get(name), inner) for name, inner in part.items())
    return bool(value == part)


def _status(resource: Raw, one: _One) -> list[str]:
    status, wanted = resource.get("status", {}), replicas(one.spec)
    if status.get("observedGeneration") != resource["metadata"]["generation"]:
        return ["the status speaks of an older spec"]
    said: dict[str, tuple[str, str]] = defaultdict(lambda: ("", ""))
    said |= {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions", [])}
    expected = {
        "Ready": ("True", "Serving" if wanted else "ScaledToZero"),
        "Available": ("True", "EndpointAnswers") if wanted else ("False", "NoEndpoint"),
    }
    lines = [f"{kind} is {said[kind]}" for kind, value in expected.items() if said[kind] != value]
    lines += [f"{kind} is True ({said[kind][1]})" for kind in ("Reconciling", "Stalled") if said[kind][0] == "True"]
    counts = (status.get("replicas"), status.get("readyReplicas"))
    return lines if counts == (wanted, wanted) else [*lines, f"it tells of {counts} replicas, not {wanted}"]
