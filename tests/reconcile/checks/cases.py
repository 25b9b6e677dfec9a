"""Builders of what the checks look at."""

from typing import Any

from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.observed import Raw
from tests.fakes.pods import container, ended, status

LABELS = {"app.kubernetes.io/name": "vllm"}


def at(seconds: float) -> str:
    """A moment, RFC 3339."""
    return f"2026-11-24T{10 + int(seconds) // 3600:02}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02}Z"


def pod(pod_status: Raw, **meta: Any) -> Raw:
    """A pod as the store keeps it."""
    return {"metadata": {"name": "llama-1", "labels": LABELS, **meta}, "status": pod_status}


def engine_ended(words: str = "", code: int = 1, **more: Any) -> Raw:
    """A pod whose engine has just ended."""
    state = ended(words, code, more.pop("reason", "Error"))
    state["terminated"].update(more)
    return pod(status(container(state=state)))


def ran(start: float, end: float, code: int = 143, ready_changed: float | None = None) -> Raw:
    """A pod whose engine ran from ``start`` to ``end`` and runs again. ``ready_changed``: of ContainersReady."""
    state = ended("I was busy", code)
    state["terminated"].update(startedAt=at(start), finishedAt=at(end))
    again = {"running": {"startedAt": at(end + 1)}}
    made = pod(status(container(state=again, started=False, lastState=state)))
    if ready_changed is not None:
        change = {"type": "ContainersReady", "status": "False", "lastTransitionTime": at(ready_changed)}
        made["status"]["conditions"] = [change]
    return made


def deployment(spec: Raw | None = None, **deployment_status: Any) -> Raw:
    """A Deployment with this template of its pods."""
    return {"spec": {"replicas": 1, "template": {"metadata": {}, "spec": spec or {}}}, "status": deployment_status}


def case(*pods: Raw, spec: Raw | None = None, plan: Raw | None = None, now: float | None = None) -> Case:
    """Pods of a template, at a moment."""
    return Case(list(pods), deployment(spec), plan or {}, now=None if now is None else at(now))


PLAN = {
    "fits": True,
    "gpusPerReplica": 1,
    "perGpu": {
        "totalGiB": 24.0,
        "budgetGiB": 21.6,
        "weightsGiB": 14.99,
        "activationGiB": 1.2,
        "overheadGiB": 0.25,
        "kvCacheGiB": 5.16,
    },
    "kvCacheTokens": 42000,
}
