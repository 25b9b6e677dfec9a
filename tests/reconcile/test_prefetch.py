"""When the prefetching pod is there."""

from typing import Any

import pytest

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import PREFETCH_OF
from modelberth.manifests.settings import Settings
from modelberth.reconcile.judged import Judge
from modelberth.reconcile.observed import Observed
from modelberth.reconcile.prefetch import alone, prefetch_step, wanted
from tests.fakes.resources import NAME, NAMESPACE, model_deployment

Raw = dict[str, Any]
CACHE = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "models"}}
WARM: Raw = {"replicas": 0, "weights": {"cache": CACHE, "prefetch": True}}


def model(**spec: Any) -> ModelDeployment:
    meta = {"namespace": NAMESPACE, "name": NAME, "uid": "uid-md"}
    found = Judge().parse(model_deployment(**spec) | {"metadata": meta}, Settings())
    assert isinstance(found, ModelDeployment), found
    return found


def seen(replicas: int | None, *pods: Raw, prefetch: Raw | None = None) -> Observed:
    """``replicas`` of the Deployment; None: there is none."""
    owner = [{"uid": "uid-md", "controller": True}]
    workload = {"metadata": {"ownerReferences": owner}, "spec": {"replicas": replicas}}
    children = {} if replicas is None else {"Deployment": workload}
    return Observed({"metadata": {"uid": "uid-md"}}, children, list(pods), None, prefetch)


def pod(inputs: str = "a", phase: str = "Running", **meta: Any) -> Raw:
    return {"metadata": {"annotations": {PREFETCH_OF: inputs}, **meta}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("spec", "observed", "expected"),
    [
        (WARM, seen(0), True),
        ({**WARM, "replicas": 1}, seen(1), False),
        # Scaled up a moment ago, or scaled by an HPA that points at the Deployment.
        ({**WARM, "replicas": 1}, seen(0), False),
        (WARM, seen(1), False),
        ({**WARM, "autoscaling": {"type": "External"}}, seen(2), False),
        # Engine pods that are still ending hold a ReadWriteOnce claim.
        (WARM, seen(0, {"metadata": {}}), False),
        (WARM, seen(None), False),
        ({**WARM, "weights": {"cache": CACHE}}, seen(0), False),
    ],
)
def test_only_while_nobody_else_fetches(spec: Raw, observed: Observed, expected: bool) -> None:
    assert wanted(model(**spec), observed) is expected


GOING = pod(deletionTimestamp="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("there", "desired", "step"),
    [
        (None, None, "nothing"),
        (None, pod(), "create"),
        (pod(), pod(), "nothing"),
        (pod(phase="Succeeded"), pod(), "nothing"),
        (pod(phase="Pending"), pod(), "nothing"),
        (pod("a"), pod("b"), "delete"),
        (pod("a", "Succeeded"), pod("b"), "delete"),
        (pod(phase="Failed"), pod(), "delete"),
        (pod(), None, "delete"),
        (pod(phase="Succeeded"), None, "delete"),
        (GOING, pod(), "nothing"),
        (GOING, None, "nothing"),
    ],
)
def test_the_next_step(there: Raw | None, desired: Raw | None, step: str) -> None:
    assert prefetch_step(there, desired) == step


def test_the_checks_see_the_prefetching_pod_alone() -> None:
    there = pod()
    judged = alone(seen(0, prefetch=there))
    assert judged is not None
    assert (judged.pods, judged.children) == ([there], {})
    assert alone(seen(0)) is None
    assert alone(seen(0, prefetch=GOING)) is None
