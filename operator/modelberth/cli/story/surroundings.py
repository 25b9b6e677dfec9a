"""What stands around the pods: Deployment, Service, claims, quotas. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from modelberth.api.quantity import amount
from modelberth.cli.story.headline import Raw
from modelberth.cli.story.seen import Seen
from modelberth.manifests.names import SLICE_MANAGED_BY, SLICE_MANAGER, claim_name

NEARLY = 0.9
"""Share of a quota from which it is worth a line."""


@dataclass(frozen=True)
class Progress:
    """Pods as the Deployment counts them."""

    wanted: int
    there: int
    updated: int
    """Of them, those of the newest revision."""
    ready: int
    seen: bool
    """Whether its controller has looked at the newest template."""
    obstacles: tuple[str, ...]
    """Why it makes no progress, in the controller's words."""


@dataclass(frozen=True)
class Endpoints:
    """Where the Service leads."""

    ready: int
    not_ready: int
    terminating: int
    activator: bool
    """Requests go to the activator, which holds them."""


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim that pods mount."""

    name: str
    phase: str
    capacity: str
    access_modes: tuple[str, ...]
    storage_class: str


@dataclass(frozen=True)
class QuotaLine:
    """One resource of a quota that is used up, or nearly."""

    quota: str
    resource: str
    used: str
    hard: str
    full: bool


def progress(deployment: Raw | None) -> Progress | None:
    """None where there is no Deployment."""
    if deployment is None:
        return None
    status = deployment.get("status") or {}
    generation = int(deployment["metadata"].get("generation") or 0)
    return Progress(
        wanted=int((deployment.get("spec") or {}).get("replicas", 1)),
        there=int(status.get("replicas") or 0),
        updated=int(status.get("updatedReplicas") or 0),
        ready=int(status.get("readyReplicas") or 0),
        seen=int(status.get("observedGeneration") or 0) >= generation,
        obstacles=tuple(_obstacles(status)),
    )


def _obstacles(status: Raw) -> Iterator[str]:
    for told in status.get("conditions") or []:
        stuck = told["type"] == "Progressing" and told["status"] == "False"
        if stuck or (told["type"] == "ReplicaFailure" and told["status"] == "True"):
            yield f"{told.get('reason')}: {told.get('message')}"


def endpoints(slices: list[Raw]) -> Endpoints:
    """Over all slices of the Service."""
    counts = {"ready": 0, "not_ready": 0, "terminating": 0}
    activator = False
    for each in slices:
        labels = each["metadata"].get("labels") or {}
        if labels.get(SLICE_MANAGED_BY) == SLICE_MANAGER:
            activator = activator or bool(each.get("endpoints"))
            continue
        for endpoint in each.get("endpoints") or []:
            counts[_kind(endpoint.get("conditions") or {})] += len(endpoint.get("addresses") or [])
    return Endpoints(activator=activator, **counts)


def _kind(conditions: Raw) -> str:
    if conditions.get("terminating"):
        return "terminating"
    # Unknown counts as ready: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
    return "ready" if conditions.get("ready") is not False else "not_ready"


def claims_wanted(seen: Seen) -> set[str]:
    """Names of the claims that the resource or its pods name."""
    spec = seen.resource.get("spec") or {}
    cache = (spec.get("weights") or {}).get("cache") or {}
    names = set()
    if cache.get("type") == "PersistentVolumeClaim":
        own = (cache.get("persistentVolumeClaim") or {}).get("claimName")
        names.add(own or claim_name(seen.resource["metadata"]["name"]))
    scheme, _, rest = str((spec.get("model") or {}).get("uri", "")).partition("://")
    if scheme == "pvc":
        names.add(rest.split("/")[0])
    for pod in seen.pods:
        for volume in (pod.get("spec") or {}).get("volumes") or []:
            if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
                names.add(claim)
    return names


def claims(seen: Seen) -> list[Claim]:
    """Those that exist."""
    return [_claim(each) for each in seen.claims]


def _claim(raw: Raw) -> Claim:
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "")
    return Claim(
        name=str(raw["metadata"]["name"]),
        phase=str(status.get("phase") or "Unknown"),
        capacity=str((status.get("capacity") or {}).get("storage") or asked),
        access_modes=tuple(status.get("accessModes") or spec.get("accessModes") or ()),
        storage_class=str(spec.get("storageClassName") or ""),
    )


def quota_lines(quotas: list[Raw]) -> list[QuotaLine]:
    """Resources of which NEARLY all is used, or all."""
    return [line for quota in quotas for line in _lines(quota)]


def _lines(quota: Raw) -> Iterator[QuotaLine]:
    status = quota.get("status") or {}
    for resource, hard in (status.get("hard") or {}).items():
        used = (status.get("used") or {}).get(resource, "0")
        limit, taken = amount(hard), amount(used)
        if taken >= limit * NEARLY:
            yield QuotaLine(str(quota["metadata"]["name"]), resource, str(used), str(hard), full=taken >= limit)
