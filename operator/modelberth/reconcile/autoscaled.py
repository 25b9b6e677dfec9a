"""``status.autoscaling``: what was decided and why. Pure."""

from typing import Any

from modelberth.reconcile.observed import Raw
from modelberth.reconcile.size import Size

OBSTACLES = {"Unschedulable", "MetricsMissing", "AtMaximum", "NoActivator"}
"""Reasons that hold only as long as they are found again."""


def autoscaling_of(size: Size, there: int, old: Raw, now: str) -> dict[str, Any]:
    """``there`` is the number of pods that exist, ``old`` the record so far, ``now`` RFC 3339.

    Without a look at the load there is no news: an operator that has just started keeps what the last one said.
    """
    record: dict[str, Any] = {"currentReplicas": there, "desiredReplicas": size.wanted}
    if size.target is not None:
        record["targetConcurrency"], record["targetFrom"] = size.target
    same = old.get("desiredReplicas") == size.wanted
    decision = size.decision
    if decision is None or (same and decision.reason == "Steady" and old.get("reason", "Steady") not in OBSTACLES):
        record |= {name: old[name] for name in ("reason", "message") if same and name in old}
    else:
        record |= {"reason": decision.reason, "message": decision.message}
    if same and "lastScaleTime" in old:
        record["lastScaleTime"] = old["lastScaleTime"]
    elif not same and "desiredReplicas" in old:
        record["lastScaleTime"] = now
    return record
