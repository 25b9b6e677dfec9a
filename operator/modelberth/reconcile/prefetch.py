"""The prefetching pod: there while a cache is to be warmed and no engine pods are asked for.

One that has ended well stays: it says that the weights are there.
"""

from dataclasses import dataclass, replace
from typing import Literal

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.facts import Facts
from modelberth.manifests.names import PREFETCH_OF
from modelberth.manifests.prefetch_pod import prefetch_pod
from modelberth.manifests.settings import Settings
from modelberth.reconcile.counts import pods_of
from modelberth.reconcile.errands import Errands
from modelberth.reconcile.observed import Observed, Raw
from modelberth.reconcile.problem import Problem


@dataclass(frozen=True)
class Prefetch:
    """Decides and acts."""

    errands: Errands
    settings: Settings

    async def tend(self, md: ModelDeployment, facts: Facts, observed: Observed) -> Problem | None:
        """Brings the pod about, or away; says why the API server refuses that. Raises ApiError where it may pass."""
        desired = prefetch_pod(md, facts, self.settings) if wanted(md, observed) else None
        step = prefetch_step(observed.prefetch_pod, desired)
        if step == "create" and desired is not None:
            return await self.errands.create(desired, observed)
        if step == "delete" and observed.prefetch_pod is not None:
            return await self.errands.delete(observed.prefetch_pod)
        return None


def wanted(md: ModelDeployment, observed: Observed) -> bool:
    """Whether there is somebody to warm the cache for, and no engine pod that does it anyway."""
    if not md.spec.weights.prefetch or md.spec.replicas > 0:
        return False
    pods = pods_of(observed)
    return pods.known and pods.wanted == 0 and not observed.pods


def prefetch_step(pod: Raw | None, desired: Raw | None) -> Literal["create", "delete", "nothing"]:
    """What to do with the pod; ``desired`` None: none is wanted. A new one is made when the old one has gone."""
    if pod is None:
        return "nothing" if desired is None else "create"
    if pod["metadata"].get("deletionTimestamp"):
        return "nothing"
    # A pod that its node ended (evicted, shut down) never runs again.
    phase = pod.get("status", {}).get("phase")
    if desired is None or phase == "Failed":
        return "delete"
    # What has ended well need not run again for another version of the operator.
    compared = _result if phase == "Succeeded" else _inputs
    return "nothing" if compared(pod) == compared(desired) else "delete"


def alone(observed: Observed) -> Observed | None:
    """What the checks of pods are to judge while only the prefetching pod is there; None where there is none."""
    pod = observed.prefetch_pod
    if pod is None or pod["metadata"].get("deletionTimestamp"):
        return None
    return replace(observed, pods=[pod], children={})


def _result(pod: Raw) -> str:
    return _inputs(pod).partition(".")[0]


def _inputs(pod: Raw) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(PREFETCH_OF, ""))
