"""Kubernetes Events on transitions of the status."""

import time
from typing import Any

from modelberth.api.meta import API_VERSION, GROUP, KIND
from modelberth.reconcile.observed import Raw

MAX_NOTE = 1024
"""Bytes that the API server takes in an Event's note."""


def events_of(resource: Raw, old: Raw, new: Raw, now: str, instance: str) -> list[Raw]:
    """One Event where Ready changed its status or reason: the story of the resource in `kubectl describe`.

    That a new resource starts is no news.
    """
    before, after = _ready(old), _ready(new)
    if after is None or (before is None and after["status"] == "Unknown"):
        return []
    if before and (before["status"], before["reason"]) == (after["status"], after["reason"]):
        return []
    bad = after["status"] == "False" or _stalled(new)
    return [_event(resource, "Warning" if bad else "Normal", after, now, instance)]


def _event(resource: Raw, kind: str, condition: Raw, now: str, instance: str) -> Raw:
    meta = resource["metadata"]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": meta["namespace"], "name": f"{meta['name']}.{time.time_ns():x}"},
        "eventTime": now,
        "reportingController": f"{GROUP}/operator",
        "reportingInstance": instance,
        "action": "Reconcile",
        "reason": condition["reason"],
        "type": kind,
        "note": _cut(condition["message"] or condition["reason"]),
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
