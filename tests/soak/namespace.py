"""A healthy namespace, as a healthy cluster would hold it."""

import copy
from typing import Any

from e2e.soak.fleet import Raw, Wanted, children, fleet, replicas
from e2e.soak.invariants import SERVICE, Seen


def wanted(size: int = 20) -> Wanted:
    return Wanted({item["metadata"]["name"]: item["spec"] for item in fleet(size)})


def healthy(told: Wanted) -> Seen:
    """Everything as it should be."""
    return Seen.of(item for name, spec in told.specs.items() for item in _belongings(name, spec))


def changed(seen: Seen, kind: str, name: str, **parts: Any) -> Seen:
    """With other parts in one object."""
    objects = copy.deepcopy(seen.objects)
    objects[kind, name] |= parts
    return Seen(objects)


def without(seen: Seen, kind: str, name: str) -> Seen:
    return Seen({key: item for key, item in seen.objects.items() if key != (kind, name)})


def with_one_more(seen: Seen, kind: str, name: str, owner: str) -> Seen:
    return Seen({**seen.objects, (kind, name): _object(kind, name, owner)})


def metadata(seen: Seen, kind: str, name: str, **parts: Any) -> Seen:
    """With other metadata in one object."""
    return changed(seen, kind, name, metadata={**seen.objects[kind, name]["metadata"], **parts})


def _object(kind: str, name: str, owner: str, **parts: Any) -> Raw:
    references = [{"kind": "Owner", "name": owner, "uid": owner}] if owner else []
    meta = {"name": name, "uid": f"uid of {kind} {name}", "generation": 1, "ownerReferences": references}
    return {"kind": kind, "metadata": meta, **parts}


def _belongings(name: str, spec: Raw) -> list[Raw]:
    number, uid = replicas(spec), f"uid of ModelDeployment {name}"
    made = [_object("ModelDeployment", name, "", spec={"defaulted": 1, **spec}, status=_status(number))]
    made += [_object(kind, child, uid, spec={"of": name}) for kind, child in sorted(children(name, spec))]
    for child in made:
        if child["kind"] == "Deployment":
            child["spec"]["replicas"] = number
    workload = f"uid of Deployment {name}"
    made += [_object("ReplicaSet", f"{name}-{turn}", workload, spec={"replicas": turn * number}) for turn in (0, 1)]
    made += [_object("Pod", f"{name}-1-{one}", f"uid of ReplicaSet {name}-1") for one in range(number)]
    slices = _object("EndpointSlice", f"{name}-xyz", f"uid of Service {name}")
    slices["metadata"]["labels"] = {SERVICE: name}
    slices["endpoints"] = [{"conditions": {"ready": True}}] * number or None
    return [*made, slices]


def _status(number: int) -> Raw:
    states = {
        "Ready": ("True", "Serving" if number else "ScaledToZero"),
        "Available": ("True", "EndpointAnswers") if number else ("False", "NoEndpoint"),
        "Reconciling": ("False", "Serving"),
        "Stalled": ("False", "Serving"),
    }
    conditions = [{"type": kind, "status": status, "reason": reason} for kind, (status, reason) in states.items()]
    return {"observedGeneration": 1, "replicas": number, "readyReplicas": number, "conditions": conditions}
