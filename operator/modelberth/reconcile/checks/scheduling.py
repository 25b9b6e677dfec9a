"""Pods that get no node."""

import re
from collections.abc import Iterator

from modelberth.api.quantity import amount
from modelberth.reconcile.checks.case import Case, condition
from modelberth.reconcile.checks.found import Found
from modelberth.reconcile.checks.obstacles import Obstacles, obstacles_of, without_preemption
from modelberth.reconcile.observed import Observed, Raw

UNHEARD_S = 25.0
"""Seconds in which a scheduler says something of a new pod; it takes it up at once, unless it waits for a volume."""


def unschedulable(case: Case) -> Found | None:
    """No node takes the pod now; one may come (a cluster autoscaler), so this is not the end."""
    for message in messages(case):
        if "unbound immediate PersistentVolumeClaims" in message:
            return _unbound(case)
        obstacles = obstacles_of(message)
        if obstacles is None:
            return Found("Unschedulable", "No node takes the pod", without_preemption(message), stalled=False)
        text = f"No node takes the pod{_needs(case, obstacles)}: {obstacles}"
        return Found("Unschedulable", text, advice=_advice(obstacles), stalled=False)
    return None


def unheard(case: Case) -> Found | None:
    """No scheduler says anything of the pod."""
    for pod in case.pods:
        if pod.get("status", {}).get("phase", "Pending") != "Pending" or condition(pod, "PodScheduled"):
            continue
        left = case.left(pod["metadata"].get("creationTimestamp"), UNHEARD_S)
        if left is None:
            continue
        claims = _claims(case.pod_spec)
        if claims:
            what = f"The pod has no node yet, as one of its volumes is not there: {', '.join(claims)}"
            advice = "kubectl describe pvc says what it waits for"
        else:
            name = case.pod_spec.get("schedulerName", "default-scheduler")
            what = f"No scheduler takes up the pod: does {name} run"
            advice = "Look at spec.podTemplate.spec.schedulerName"
        return Found("Unschedulable", what, advice=advice, stalled=False, in_s=left)
    return None


def no_place(observed: Observed) -> bool:
    """Whether the scheduler has no place for some pod, of whatever revision."""
    return next(messages(Case(observed.pods)), None) is not None


def messages(case: Case) -> Iterator[str]:
    """What the scheduler says of pods that it cannot place."""
    for pod in case.pods:
        state = condition(pod, "PodScheduled")
        if state.get("reason") == "Unschedulable":
            yield str(state.get("message", ""))


def _unbound(case: Case) -> Found:
    names = ", ".join(_claims(case.pod_spec))
    claim = f"PersistentVolumeClaim {names}" if names else "a PersistentVolumeClaim of it"
    what = f"No node takes the pod: no volume is bound to {claim}"
    advice = "kubectl describe pvc says why; its StorageClass must exist and be able to make such a volume"
    return Found("Unschedulable", what, advice=advice, stalled=False)


def _claims(spec: Raw) -> list[str]:
    sources = (volume.get("persistentVolumeClaim") for volume in spec.get("volumes") or [])
    return sorted({source["claimName"] for source in sources if source})


def _needs(case: Case, obstacles: Obstacles) -> str:
    """How much the pod asks for of what is lacking."""
    asked = [(needed(case.pod_spec, resource), resource) for resource in obstacles.lacking]
    known = [f"{quantity} {resource}" for quantity, resource in asked if quantity]
    return f", which needs {' and '.join(known)}" if known else ""


def needed(spec: Raw, resource: str) -> str:
    """What the pod's containers ask for together, as a quantity; empty where none asks for it."""
    asked = []
    for container in [*(spec.get("containers") or []), *_sidecars(spec)]:
        resources = container.get("resources") or {}
        quantity = (resources.get("requests") or {}).get(resource, (resources.get("limits") or {}).get(resource))
        if quantity is not None:
            asked.append(quantity)
    if len(asked) <= 1:
        return str(asked[0]) if asked else ""
    return _quantity(float(sum(map(amount, asked))), resource)


def _sidecars(spec: Raw) -> list[Raw]:
    return [one for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"]


def _quantity(value: float, resource: str) -> str:
    if resource in ("memory", "ephemeral-storage"):
        return f"{value / 2**30:.2f}Gi"
    return f"{round(value, 3):g}"


_ADVICE = (
    (r"free \S+/", "Free GPUs or add nodes, or lower spec.parallelism or spec.replicas"),
    (r"node selector", "Does a node carry the labels of spec.gpu.type and spec.podTemplate.spec.nodeSelector"),
    (r"taint", "Tolerate it in spec.podTemplate.spec.tolerations"),
    (r"free ", "Add nodes, or lower spec.resources"),
)


def _advice(obstacles: Obstacles) -> str:
    text = str(obstacles)
    advice = next((advice for pattern, advice in _ADVICE if re.search(pattern, text)), "")
    return f"{advice}?" if advice.startswith("Does") else advice
