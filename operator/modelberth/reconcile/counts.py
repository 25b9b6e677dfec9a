"""How many engine pods there are, as the Deployment counts them."""

from dataclasses import dataclass

from modelberth.reconcile.observed import Observed, Raw, newest_revision, revision


@dataclass(frozen=True)
class Pods:
    """Numbers from the Deployment."""

    wanted: int
    there: int
    """Pods that exist, ready or not."""
    ready: int
    replacing: bool
    """Pods of an older revision are there."""
    current: bool
    """The Deployment controller has seen the newest spec and replaced every pod."""
    seen: bool = True
    """The Deployment controller has seen the newest spec."""
    known: bool = True
    """Whether there is a Deployment."""


def pods_of(observed: Observed) -> Pods:
    """Replicas from the Deployment; nothing while there is none."""
    workload = observed.workload
    if workload is None:
        return Pods(0, 0, 0, replacing=False, current=False, seen=False, known=False)
    status = workload.get("status") or {}
    wanted = int(workload["spec"].get("replicas", 1))
    updated = int(status.get("updatedReplicas") or 0)
    total = int(status.get("replicas") or 0)
    seen = int(status.get("observedGeneration") or 0) >= int(workload["metadata"].get("generation") or 0)
    if seen:
        replacing, settled = updated < total, updated == total
    else:
        # Before the controller has seen a change, its counts speak of the one before; the pods tell what it is about.
        replacing = total == wanted and not _all_newest(observed.pods, workload)
        settled = total == wanted and not replacing
    current = settled and total == wanted
    return Pods(wanted, total, int(status.get("readyReplicas") or 0), replacing, current, seen)


def _all_newest(pods: list[Raw], workload: Raw) -> bool:
    newest = newest_revision(workload)
    return bool(pods) and all(revision(pod) == newest for pod in pods)
