"""Events of a ModelDeployment and its children, the same ones told once. Pure."""

import re
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

COMBINED = "(combined from similar events): "
"""What client-go writes before the message once there are too many that differ in details."""
_ADDRESS = re.compile(r"\b\d+(\.\d+){3}\b")


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
    # Some times have fractions of a second and some do not: without the Z text sorts as time does.
    for event in sorted(map(_event, _related(seen)), key=lambda event: event.last.rstrip("Z")):
        if event.reason in ROUTINE and not event.warning:
            continue
        key = (event.warning, event.reason, event.kind, _gist(event, str(seen.resource["metadata"]["name"])))
        before = told.pop(key, None)
        told[key] = replace(event, count=event.count + (before.count if before else 0))
    return list(told.values())[-MOST:]


def _gist(event: Event, name: str) -> str:
    """The message without what differs from pod to pod: names, addresses."""
    text = event.message.removeprefix(COMBINED)
    return _ADDRESS.sub("", re.sub(rf"\b{re.escape(name)}-[0-9a-z]+-[0-9a-z]{{5}}\b", "", text))


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
