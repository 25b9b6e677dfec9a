"""Weights that could not be fetched: the fetcher says itself why, as JSON in its termination message."""

import json
from typing import Any

from modelberth.manifests.names import FETCH
from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.found import Found
from modelberth.reconcile.checks.words import last_words
from modelberth.reconcile.observed import Raw


def fetch_failed(case: Case) -> Found | None:
    """What the fetcher reports, or that it died before it could."""
    for container in case.containers(FETCH):
        ended = container.ended
        if not ended or ended.get("exitCode") == 0 or ended.get("reason") == "OOMKilled":
            continue
        report = fetch_report(ended)
        if report.get("reason") and report.get("message"):
            # The kubelet starts the fetcher again: an outage of the hub ends by itself.
            stalled = report.get("transient") is not True
            return Found(str(report["reason"]), str(report["message"]), stalled=stalled)
        what = "The weights could not be fetched"
        return Found("DownloadFailed", what, last_words(ended), "kubectl logs POD -c fetch --previous has all of it")
    return None


def fetch_report(ended: Raw) -> dict[str, Any]:
    """The fetcher's JSON; empty where it died before it could write one."""
    try:
        report = json.loads(ended.get("message") or "")
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}
