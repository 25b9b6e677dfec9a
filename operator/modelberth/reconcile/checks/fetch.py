"""Weights that could not be fetched: the fetcher says itself why, as JSON in its termination message."""

import json
from typing import Any, get_args

from modelberth.manifests.names import FETCH
from modelberth.ports.hub_problems import Reason
from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.found import Found
from modelberth.reconcile.checks.words import last_words
from modelberth.reconcile.observed import Raw

_REASONS = get_args(Reason)


def fetch_failed(case: Case) -> Found | None:
    """What the fetcher reports, or that it died before it could."""
    for container in case.containers(FETCH):
        ended = container.ended
        if not ended or ended.get("exitCode") == 0 or ended.get("reason") == "OOMKilled":
            continue
        report = fetch_report(ended)
        if report.get("reason") in _REASONS and report.get("message"):
            # The kubelet starts the fetcher again: an outage of the hub ends by itself.
            stalled = report.get("transient") is not True
            # The pod is the tenants': half a surrogate pair would be stored as something else, and written again.
            message = str(report["message"]).encode(errors="replace").decode()
            return Found(str(report["reason"]), message, stalled=stalled)
        what = "The weights could not be fetched"
        return Found("DownloadFailed", what, last_words(ended), "kubectl logs POD -c fetch --previous has all of it")
    return None


def fetch_report(ended: Raw) -> dict[str, Any]:
    """The fetcher's JSON; empty where it died before it could write one."""
    try:
        report = json.loads(ended.get("message") or "")
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}
