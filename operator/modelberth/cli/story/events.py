"""Events of a ModelDeployment and its children, the same ones told once. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from modelberth.api.meta import KIND
from modelberth.cli.story.headline import Raw
from modelberth.cli.story.seen import Seen
from modelberth.manifests.names import claim_name, facts_pod_name, prefetch_pod_name, slice_name

MOST = 15
"""Told, the newest of them."""
ROUTINE = frozenset({"Scheduled", "Pulled", "Created", "Started", "SuccessfulCreate", "SuccessfulDelete"})
"""What every pod goes through; the table of pods says how far each is."""


@dataclass(frozen=True)
class Event:
    """What happened, and how often."""

    warning: bool
    reason: str
    kind: str
    """Kind of the object that it is about."""
    name: str
    """Of that object; the last one's, where it happened to several."""
    message: str
    count: int
    last: str
    """RFC 3339."""


def events_of(seen: Seen) -> list[Event]:
    """The newest last, at most MOST."""
    told: dict[tuple[bool, str, str, str], Event] = {}
    for event in sorted(map(_event, _related(seen)), key=lambda event: event.last):
        if event.reason in ROUTINE and not event.warning:
            continue
        # Pods are named in messages about them; the same thing happened to each.
        message = event.message.replace(event.name, "")
        key = (event.warning, event.reason, event.kind, message)
        before = told.pop(key, None)
        told[key] = replace(event, count=event.count + (before.count if before else 0))
    return list(told.values())[-MOST:]


def _related(seen: Seen) -> Iterator[Raw]:
    meta = seen.resource["metadata"]
    name, uid = str(meta["name"]), meta.get("uid")
    # Of those that are gone too: a ReplicaSet that could make no pod, a pod that was replaced.
    prefixes = tuple(f"{each['metadata']['name']}-" for each in seen.replica_sets)
    names = {
        "Deployment": {name},
        "Service": {name},
        "PodDisruptionBudget": {name},
        "EndpointSlice": {slice_name(name)},
        "PersistentVolumeClaim": {claim_name(name), *(each["metadata"]["name"] for each in seen.claims)},
        "ReplicaSet": {each["metadata"]["name"] for each in seen.replica_sets},
        "Pod": {facts_pod_name(name), prefetch_pod_name(name), *(each["metadata"]["name"] for each in seen.pods)},
    }
    for event in seen.events:
        about = event.get("involvedObject") or {}
        kind, whose = about.get("kind"), str(about.get("name"))
        if kind == KIND:
            # One of the same name may have been deleted a minute ago.
            if whose == name and about.get("uid") in (None, uid):
                yield event
        elif whose in names.get(str(kind), ()) or (kind == "Pod" and whose.startswith(prefixes)):
            yield event


def _event(raw: Raw) -> Event:
    about, series = raw.get("involvedObject") or {}, raw.get("series") or {}
    times = (series.get("lastObservedTime"), raw.get("lastTimestamp"), raw.get("eventTime"))
    created = (raw.get("metadata") or {}).get("creationTimestamp")
    return Event(
        warning=raw.get("type") == "Warning",
        reason=str(raw.get("reason") or ""),
        kind=str(about.get("kind") or ""),
        name=str(about.get("name") or ""),
        message=str(raw.get("message") or "").strip(),
        count=int(series.get("count") or raw.get("count") or 1),
        last=str(next(filter(None, times), created) or ""),
    )
