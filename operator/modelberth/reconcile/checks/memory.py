"""Containers that the kernel killed at their memory limit."""

from modelberth.engines.failures import Amounts
from modelberth.manifests.names import ENGINE, FETCH, RELAY
from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.found import Found
from modelberth.reconcile.checks.plan import plan_said


def out_of_memory(case: Case) -> Found | None:
    """The runtime says so as soon as one process of the container was killed, whatever ended the container then."""
    for container in case.containers():
        if container.name == RELAY or container.ended.get("reason") != "OOMKilled":
            continue
        what = f"{_subject(container.name)} was killed at its memory limit{_limit(case, container.name)}"
        if container.name != ENGINE:
            advice = f"Raise the memory limit of container {container.name} in spec.podTemplate"
            return Found("OutOfMemory", what, advice=advice, until_s=container.steady_in())
        advice = "Raise spec.resources.limits.memory, or lower spec.maxModelLen or spec.maxNumSeqs"
        on_cpu = bool(case.plan.get("perGpu")) and case.plan.get("gpusPerReplica") == 0
        return Found("OutOfMemory", what, advice=f"{plan_said(case.plan, Amounts())}. {advice}" if on_cpu else advice)
    return None


def _subject(name: str) -> str:
    return {ENGINE: "The engine", FETCH: "The fetcher"}.get(name, f"Container {name}")


def _limit(case: Case, name: str) -> str:
    limits = (case.container_spec(name).get("resources") or {}).get("limits") or {}
    return f" of {limits['memory']}" if "memory" in limits else ""
