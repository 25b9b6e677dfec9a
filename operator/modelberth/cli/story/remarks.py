"""What does not go together: between the status, which the operator wrote, and what is there now. Pure."""

from collections.abc import Iterator
from datetime import datetime

from modelberth.cli.story.amounts import ago, count_of, seconds_since
from modelberth.cli.story.headline import UNSEEN, headline
from modelberth.cli.story.pods import Pod
from modelberth.cli.story.seen import Seen
from modelberth.cli.story.surroundings import claims_wanted, endpoints, progress, quota_lines

OVERDUE_S = 60
"""Seconds after its grace period that a pod may take to go."""


def remarks(seen: Seen, pods: list[Pod], now: datetime) -> Iterator[str]:
    """Sentences; none where everything goes together."""
    yield from _status(seen)
    yield from _service(seen)
    told = progress(seen.deployment)
    if told is not None and not headline(seen.resource).problem:
        yield from (f"The Deployment makes no progress: {obstacle}" for obstacle in told.obstacles)
    if "claims" not in seen.refused:
        there = {str(each["metadata"]["name"]): (each.get("status") or {}).get("phase") for each in seen.claims}
        for name in sorted(claims_wanted(seen)):
            if there.get(name) != "Bound":
                state = f"is {there[name]}" if name in there else "does not exist"
                yield f"The PersistentVolumeClaim {name} {state}."
    for line in quota_lines(seen.quotas):
        word = "used up" if line.full else "nearly used up"
        yield f"The quota {line.quota} is {word}: {line.resource}, {line.used} of {line.hard}."
    for pod in pods:
        overdue = seconds_since(pod.deleted_at, now)
        if overdue is not None and overdue > OVERDUE_S:
            yield f"The pod {pod.name} should be gone since {ago(pod.deleted_at, now)}. Is its node {pod.node} up?"


def _status(seen: Seen) -> Iterator[str]:
    told = headline(seen.resource)
    meta, status = seen.resource["metadata"], seen.resource.get("status") or {}
    if told.reason == UNSEEN:
        yield "The operator has not said anything of this resource."
    if told.stale:
        was, generation = status.get("observedGeneration") or 0, meta.get("generation")
        yield f"The status speaks of generation {was} of the spec, which is at {generation} by now."
    if meta.get("deletionTimestamp"):
        yield "It is being deleted."


def _service(seen: Seen) -> Iterator[str]:
    told = headline(seen.resource)
    if "endpoints" in seen.refused or "service" in seen.refused:
        return
    found = endpoints(seen.slices)
    if told.ready == "True" and seen.service is None:
        yield "The status says Ready, but the Service does not exist."
    elif told.ready == "True" and told.reason != "ScaledToZero" and not found.ready and not found.activator:
        yield "The status says Ready, but no endpoint of the Service is."
    if told.ready != "True" and found.ready:
        yield f"The status does not say Ready, but {count_of(found.ready, 'endpoint')} of the Service can be reached."
