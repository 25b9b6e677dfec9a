"""Pods that their node refused or ended as a whole: evicted, node affinity, a device that is gone, ..."""

import re

from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.found import Found

_DISK = re.compile(r"ephemeral[- ](?:local )?storage|EmptyDir|DiskPressure", re.IGNORECASE)


def pod_failed(case: Case) -> Found | None:
    """Such pods stay for hours beside those that replaced them, so they are no problem once all replicas answer."""
    workload = case.workload or {}
    ready = (workload.get("status") or {}).get("readyReplicas") or 0
    if workload and ready >= (workload.get("spec") or {}).get("replicas", 1):
        return None
    for pod in case.pods:
        status = pod.get("status", {})
        if status.get("phase") != "Failed" or not status.get("reason"):
            continue
        reason, message = str(status["reason"]), str(status.get("message", ""))
        if reason == "Evicted" and _DISK.search(message):
            advice = "Ask for what the weights take by spec.resources.requests.ephemeral-storage, or use weights.cache"
            return Found("NotEnoughDisk", "A pod was evicted for its disk space", message, advice, stalled=False)
        return Found("PodFailed", f"A pod was ended by its node ({reason})", message, stalled=False)
    return None
