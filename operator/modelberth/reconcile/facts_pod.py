"""decide: what to do with the pod that reads the model's files, and what it says."""

from dataclasses import dataclass, replace
from typing import Literal

from modelberth.manifests.names import FACTS_OF
from modelberth.ports.facts_report import facts_report
from modelberth.ports.hub_problems import HubProblem
from modelberth.reconcile.checks.chain import check_pods
from modelberth.reconcile.lookups import Answer
from modelberth.reconcile.observed import Observed, Raw
from modelberth.reconcile.problem import Problem

TRANSIENT_RETRY_S = 15.0
RETRY_S = 600.0
"""Seconds until a pod that failed is made again: nobody tells us that a Secret was corrected."""


@dataclass(frozen=True)
class Step:
    """The pod cannot answer yet."""

    act: Literal["create", "delete", "wait"]
    problem: Problem
    """What the status says meanwhile."""


def ask_pod(observed: Observed, desired: Raw, *, mounted: bool) -> Answer | Step:
    """The pod's answer, or the next step towards it.

    ``desired`` is its manifest. ``mounted``: the model is on a claim or in an image, so files that cannot be read are
    no obstacle to the engine pods; without a commit of a repository there can be none.
    """
    pod = observed.facts_pod
    reading = Problem("ReadingModel", "A pod reads the model's files before any engine pod is made.", stalled=False)
    if pod is None:
        return Step("create", reading)
    if pod["metadata"].get("deletionTimestamp"):
        return Step("wait", reading)
    if _inputs(pod) != _inputs(desired):
        return Step("delete", reading)
    ended = _ended(pod)
    if ended is None:
        return Step("wait", check_pods(replace(observed, pods=[pod], children={})) or reading)
    report = facts_report(str(ended.get("message") or ""))
    if report is not None and report.files is not None:
        return Answer(report.commit, report.files)
    problem = report.problem if report and report.problem else _no_report(ended)
    retry_s = TRANSIENT_RETRY_S if problem.transient else RETRY_S
    return Answer(unread=problem) if mounted else Answer(problem=problem, retry_s=retry_s)


def _inputs(pod: Raw) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(FACTS_OF, ""))


def _ended(pod: Raw) -> Raw | None:
    """How its container ended; a pod that its node ended may tell nothing of containers."""
    status = pod.get("status", {})
    for container in status.get("containerStatuses") or []:
        ended: Raw | None = (container.get("state") or {}).get("terminated")
        if ended is not None:
            return ended
    return {"message": status.get("message", "")} if status.get("phase") in ("Failed", "Succeeded") else None


def _no_report(ended: Raw) -> HubProblem:
    words = str(ended.get("message") or ended.get("reason") or "it left no message").strip()[-500:]
    return HubProblem(
        "DownloadFailed", f"The pod that reads the model's files ended without a report: {words}", transient=True
    )
