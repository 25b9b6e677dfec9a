"""Kubernetes Events on transitions of the status."""

import time
from dataclasses import dataclass
from typing import Any

from modelberth.api.meta import API_VERSION, GROUP, KIND
from modelberth.reconcile.observed import Raw

MAX_NOTE = 1024
"""Bytes that the API server takes in an Event's note."""


def events_of(resource: Raw, old: Raw, new: Raw, now: str, instance: str) -> list[Raw]:
    """What `kubectl describe` tells of the resource: that Ready changed its status or reason, and every scaling.

    That a new resource starts is no news.
    """
    told = [*_scaling(old, new), *_readiness(old, new)]
    return [_event(resource, news, now, instance) for news in told]


@dataclass(frozen=True)
class _News:
    bad: bool
    action: str
    reason: str
    note: str


def _readiness(old: Raw, new: Raw) -> list[_News]:
    before, after = _ready(old), _ready(new)
    if after is None or (before is None and after["status"] == "Unknown"):
        return []
    if before and (before["status"], before["reason"]) == (after["status"], after["reason"]):
        return []
    bad = after["status"] == "False" or _stalled(new)
    return [_News(bad, "Reconcile", after["reason"], after["message"] or after["reason"])]


def _scaling(old: Raw, new: Raw) -> list[_News]:
    told = new.get("autoscaling")
    was, now = old.get("replicas"), new.get("replicas")
    if not told or not old.get("autoscaling") or was is None or now is None or was == now:
        return []
    note = f"From {was} to {now} engine pods: {told.get('message') or told.get('reason')}"
    return [_News(False, "Scale", "ScaledUp" if now > was else "ScaledDown", note)]


def _event(resource: Raw, news: _News, now: str, instance: str) -> Raw:
    meta = resource["metadata"]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": meta["namespace"], "name": f"{meta['name']}.{time.time_ns():x}"},
        "eventTime": now,
        "reportingController": f"{GROUP}/operator",
        "reportingInstance": instance,
        "action": news.action,
        "reason": news.reason,
        "type": "Warning" if news.bad else "Normal",
        "note": _cut(news.note),
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
        },
    }


def _cut(text: str) -> str:
    return text.encode()[:MAX_NOTE].decode(errors="ignore")


def _ready(status: Raw) -> dict[str, Any] | None:
    return next((c for c in status.get("conditions") or [] if c["type"] == "Ready"), None)


def _stalled(status: Raw) -> bool:
    return any(c["type"] == "Stalled" and c["status"] == "True" for c in status.get("conditions") or [])
