"""A healthy namespace violates nothing, and each thing that goes wrong is seen."""

from collections.abc import Callable

import pytest

from e2e.soak.fleet import SLEEPER
from e2e.soak.invariants import Seen, violations
from e2e.soak.shapes import Shapes

from . import namespace as ns

NAME = "model-001"
NUMBER = len([key for key in ns.healthy(ns.wanted()).objects if key[0] == "Pod" and key[1].startswith(NAME)])


def found(seen: Seen) -> list[str]:
    return violations(seen, ns.wanted(), Shapes())


def test_a_healthy_namespace_has_none() -> None:
    assert found(ns.healthy(ns.wanted())) == []


def _status(seen: Seen, **parts: object) -> Seen:
    status = {**seen.objects["ModelDeployment", NAME]["status"], **parts}
    return ns.changed(seen, "ModelDeployment", NAME, status=status)


def _condition(seen: Seen, kind: str, status: str) -> Seen:
    conditions = seen.objects["ModelDeployment", NAME]["status"]["conditions"]
    new = [{**one, "status": status} if one["type"] == kind else one for one in conditions]
    return _status(seen, conditions=new)


WRONG: dict[str, tuple[Callable[[Seen], Seen], str]] = {
    "a resource is lost": (lambda s: ns.without(s, "ModelDeployment", NAME), f"{NAME}: the resource is lost"),
    "another spec": (lambda s: ns.changed(s, "ModelDeployment", NAME, spec={}), "another than what was applied"),
    "no Deployment": (lambda s: ns.without(s, "Deployment", NAME), f"Deployment {NAME} is missing"),
    "no Service": (lambda s: ns.without(s, "Service", NAME), f"Service {NAME} is missing"),
    "no slice": (lambda s: ns.without(s, "EndpointSlice", f"{SLEEPER}-activator"), "activator is missing"),
    "a child goes": (lambda s: ns.metadata(s, "Service", NAME, deletionTimestamp="now"), "Service model-001 is going"),
    "no owner": (lambda s: ns.metadata(s, "Service", NAME, ownerReferences=[]), "has other owners"),
    "an old owner": (
        lambda s: ns.metadata(s, "Deployment", NAME, ownerReferences=[{"uid": "of an earlier one"}]),
        "has other owners",
    ),
    "a PodDisruptionBudget too many": (
        lambda s: ns.with_one_more(s, "PodDisruptionBudget", NAME, f"uid of ModelDeployment {NAME}"),
        f"PodDisruptionBudget {NAME} belongs to nobody",
    ),
    "a child of a deleted resource": (
        lambda s: ns.with_one_more(s, "Deployment", "gone", "uid of ModelDeployment gone"),
        "Deployment gone belongs to nobody",
    ),
    "an orphaned pod": (lambda s: ns.with_one_more(s, "Pod", "old", "uid of ReplicaSet old"), "Pod old belongs to"),
    "a fact-finding pod": (
        lambda s: ns.with_one_more(s, "Pod", f"{NAME}-facts", f"uid of ModelDeployment {NAME}"),
        f"Pod {NAME}-facts belongs to nobody",
    ),
    "an unknown resource": (lambda s: ns.with_one_more(s, "ModelDeployment", "new", ""), "ModelDeployment new belongs"),
    "other replicas": (lambda s: ns.changed(s, "Deployment", NAME, spec={"replicas": 9}), "asks for other than"),
    "two revisions": (
        lambda s: ns.changed(s, "ReplicaSet", f"{NAME}-0", spec={"replicas": 1}),
        "2 ReplicaSets have pods",
    ),
    "a pod more": (lambda s: ns.with_one_more(s, "Pod", f"{NAME}-x", f"uid of ReplicaSet {NAME}-1"), "pods, not"),
    "a pod goes": (lambda s: ns.metadata(s, "Pod", f"{NAME}-1-0", deletionTimestamp="now"), "some are going"),
    "nobody answers": (lambda s: ns.changed(s, "EndpointSlice", f"{NAME}-xyz", endpoints=None), "0 endpoints answer"),
    "not ready": (
        lambda s: ns.changed(s, "EndpointSlice", f"{NAME}-xyz", endpoints=[{"conditions": {"ready": False}}]),
        "0 endpoints answer",
    ),
    "an old status": (lambda s: _status(s, observedGeneration=0), "speaks of an older spec"),
    "Ready is False": (lambda s: _condition(s, "Ready", "False"), "Ready is ('False'"),
    "Stalled is True": (lambda s: _condition(s, "Stalled", "True"), "Stalled is True"),
    "it reconciles": (lambda s: _condition(s, "Reconciling", "True"), "Reconciling is True"),
    "wrong counts": (lambda s: _status(s, readyReplicas=NUMBER + 1), "replicas, not"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_goes_wrong_is_seen(case: str) -> None:
    change, text = WRONG[case]
    lines = found(change(ns.healthy(ns.wanted())))
    assert [line for line in lines if text in line], lines


def test_drift_of_a_child_is_seen_against_what_it_was_at_first() -> None:
    shapes, seen = Shapes(), ns.healthy(ns.wanted())
    assert violations(seen, ns.wanted(), shapes) == []
    drifted = ns.changed(seen, "Service", NAME, spec={"of": "somebody else"})
    assert violations(drifted, ns.wanted(), shapes) == [f"{NAME}: Service {NAME} has drifted: spec.of"]
