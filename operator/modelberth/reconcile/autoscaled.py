"""``status.autoscaling``: what was decided and why. Pure."""

from dataclasses import dataclass
from typing import Any

from modelberth.reconcile.observed import Raw
from modelberth.reconcile.size import Size

OBSTACLES = {"Unschedulable", "MetricsMissing", "AtMaximum", "NoActivator"}
"""Reasons that hold only as long as they are found again."""


@dataclass(frozen=True)
class Counts:
    """Pods of the Deployment."""

    asked: int
    there: int


def autoscaling_of(size: Size, counts: Counts, before: Raw, now: str) -> dict[str, Any]:
    """``before`` is the status so far, ``now`` RFC 3339.

    Without a look at the load there is no news: an operator that has just started keeps what the last one said.
    """
    old = before.get("autoscaling") or {}
    record: dict[str, Any] = {"currentReplicas": counts.there, "desiredReplicas": size.wanted}
    if size.scale.port is not None:
        record["activatorPort"] = size.scale.port
    if size.target is not None:
        record["targetConcurrency"], record["targetFrom"] = size.target
    same = old.get("desiredReplicas") == size.wanted
    decision = size.decision
    if decision is None or (same and decision.reason == "Steady" and old.get("reason", "Steady") not in OBSTACLES):
        record |= {name: old[name] for name in ("reason", "message") if same and name in old}
    else:
        record |= {"reason": decision.reason, "message": decision.message}
    # Of the Deployment: on the way to zero a decision may be taken back before the pods hear of it.
    if old and before.get("replicas") != counts.asked:
        record["lastScaleTime"] = now
    elif "lastScaleTime" in old:
        record["lastScaleTime"] = old["lastScaleTime"]
    return record
