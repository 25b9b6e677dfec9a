"""Conditions for every combination of what can be observed."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.validation import parse
from modelberth.reconcile.conditions import MAX_MESSAGE, conditions
from modelberth.reconcile.counts import Pods, pods_of
from modelberth.reconcile.observed import Observed
from modelberth.reconcile.problem import Problem
from modelberth.reconcile.status import status_of, urgent
from modelberth.reconcile.verdict import EngineRun, Verdict
from tests.fakes.resources import model_deployment

TYPES = ["Ready", "Reconciling", "Stalled", "Planned", "WeightsReady", "Available"]
MD: ModelDeployment = parse(model_deployment())

counts = st.integers(0, 4)
problems = st.none() | st.builds(
    Problem,
    reason=st.sampled_from(["CrashLoop", "Unschedulable", "InvalidSpec", "NameConflict", "DownloadFailed"]),
    message=st.sampled_from(["something is wrong.", "x" * 10_000]),
    stalled=st.booleans(),
)
deployments = st.none() | st.builds(
    lambda replicas, status, generation: {
        "metadata": {
            "name": "llama",
            "generation": generation,
            "ownerReferences": [{"uid": "uid-1", "controller": True}],
        },
        "spec": {"replicas": replicas},
        "status": status,
    },
    counts,
    st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "readyReplicas": counts,
            "updatedReplicas": counts,
            "replicas": counts,
            "observedGeneration": st.integers(1, 2),
        },
    ),
    st.integers(1, 2),
)
befores = st.sampled_from(["", "True", "False", "Unknown"])


def observed_of(deployment: Any, before: str) -> Observed:
    old = {"type": "Ready", "status": before, "reason": "X", "message": "", "lastTransitionTime": "then"}
    resource = {
        "metadata": {"namespace": "team-a", "name": "llama", "uid": "uid-1", "generation": 3},
        "status": {"conditions": [old]} if before else {},
    }
    return Observed(resource, {"Deployment": deployment} if deployment else {}, [])


verdicts = st.builds(
    lambda valid, deployment, before, problem, assumed: Verdict(
        MD if valid else None,
        observed_of(deployment, before),
        problem if valid else Problem("InvalidSpec", "spec: is wrong.", stalled=True),
        EngineRun("vllm:1", "0.32.0", assumed),
        "a" * 40,
    ),
    st.booleans(),
    deployments,
    befores,
    problems,
    st.booleans(),
)


@given(verdicts)
def test_conditions_never_contradict_each_other(verdict: Verdict) -> None:
    pods = pods_of(verdict.observed)
    states = conditions(verdict, pods)
    assert [kind for kind, _ in states] == TYPES
    by = dict(states)
    assert all(state[0] in ("True", "False", "Unknown") for state in by.values())
    assert all(re.fullmatch(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", state[1]) for state in by.values())
    ready, reconciling, stalled, planned, weights, available = (by[kind][0] for kind in TYPES)
    assert planned == (verdict.planned.status if verdict.planned else "Unknown")
    assert not (stalled == "True" and reconciling == "True")
    assert (stalled == "True") == bool(verdict.problem and verdict.problem.stalled)
    if ready == "True":
        assert pods.ready > 0 or pods.wanted == 0
    assert (available == "True") == (pods.ready > 0)
    if pods.ready > 0:
        assert ready == "True"
    if ready != "True":
        assert "True" in (reconciling, stalled), "nobody would know that there is work left"
    if by["Ready"][1] in ("Serving", "ScaledToZero"):
        assert (reconciling, stalled) == ("False", "False")
        assert pods.ready >= pods.wanted
        # With nothing to replace, nobody waits for the controller to see a new template.
        assert pods.current or (pods.known and pods.wanted == pods.ready == 0)
    if verdict.problem:
        assert len(status_of(verdict, "now")["conditions"][0]["message"]) <= 32768, "the schema takes no more"
        assert by["Ready"][1] == verdict.problem.reason
        assert verdict.problem.message in by["Ready"][2]
    assert weights in ("True", "False", "Unknown")


@given(verdicts)
def test_the_status_that_was_written_is_the_status(verdict: Verdict) -> None:
    """Reading it back changes nothing: no write at rest."""
    status = status_of(verdict, "now")
    resource = {**verdict.observed.resource, "status": status}
    again = Verdict(
        verdict.md,
        Observed(resource, verdict.observed.children, []),
        verdict.problem,
        verdict.engine,
        verdict.commit,
    )
    assert status_of(again, "later") == status
    assert not urgent(status, status)
    assert all(len(one["message"]) <= MAX_MESSAGE and one["observedGeneration"] == 3 for one in status["conditions"])
    assert status["observedGeneration"] == 3


@given(verdicts, verdicts)
def test_a_change_of_state_is_always_urgent(one: Verdict, other: Verdict) -> None:
    first, second = status_of(one, "now"), status_of(other, "now")

    def states(status: Any) -> Any:
        return [(c["status"], c["reason"]) for c in status["conditions"] if c["type"] != "WeightsReady"]

    def fails(status: Any) -> bool:
        return any((c["type"], c["status"]) == ("Stalled", "True") for c in status["conditions"])

    if states(first) != states(second):
        # That an endpoint answers while the same thing fails may wait: it does so for a moment in a crash loop.
        answers = [status["conditions"][0]["status"] for status in (first, second)] == ["False", "True"]
        assert urgent(second, first) or (answers and fails(first) and fails(second))


def test_a_long_message_keeps_its_beginning() -> None:
    problem = Problem("Rejected", "y" * 40_000, stalled=True)
    message = status_of(Verdict(MD, observed_of(None, ""), problem), "now")["conditions"][0]["message"]
    assert 1000 < len(message) <= 32768


def test_numbers_alone_are_not_urgent() -> None:
    old = status_of(Verdict(MD, observed_of(None, "Unknown")), "now")
    assert not urgent({**old, "readyReplicas": 3, "replicas": 4}, old)
    assert urgent({**old, "url": "http://other"}, old)


def test_a_deployment_of_somebody_else_is_not_counted() -> None:
    theirs = {"metadata": {"name": "llama"}, "spec": {"replicas": 3}, "status": {"readyReplicas": 3}}
    assert pods_of(observed_of(theirs, "")) == Pods(0, 0, 0, replacing=False, current=False, seen=False, known=False)


def test_old_counts_of_an_unseen_generation_are_not_current() -> None:
    owner = [{"uid": "uid-1", "controller": True}]
    deployment = {
        "metadata": {"name": "llama", "generation": 2, "ownerReferences": owner},
        "spec": {"replicas": 1},
        "status": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 1},
    }
    assert not pods_of(observed_of(deployment, "")).current
    deployment["status"]["observedGeneration"] = 2  # type: ignore[index]
    assert pods_of(observed_of(deployment, "")).current


def workload(wanted: int, **status: int) -> dict[str, Any]:
    owner = [{"uid": "uid-1", "controller": True}]
    meta = {"name": "llama", "generation": 2, "ownerReferences": owner}
    return {"metadata": meta, "spec": {"replicas": wanted}, "status": status}


@pytest.mark.parametrize(
    ("deployment", "reason"),
    [
        (workload(3, observedGeneration=1, replicas=1, updatedReplicas=1, readyReplicas=1), "Scaling"),
        (workload(3, observedGeneration=2, replicas=1, updatedReplicas=1, readyReplicas=1), "Scaling"),
        (workload(3, observedGeneration=2, replicas=3, updatedReplicas=3, readyReplicas=1), "Scaling"),
        (workload(1, observedGeneration=2, replicas=3, updatedReplicas=3, readyReplicas=3), "Scaling"),
        (workload(3, observedGeneration=1, replicas=3, updatedReplicas=3, readyReplicas=3), "Updating"),
        (workload(3, observedGeneration=2, replicas=3, updatedReplicas=1, readyReplicas=2), "Updating"),
        (workload(0, observedGeneration=2), "ScaledToZero"),
    ],
)
def test_a_change_of_numbers_is_no_rollout(deployment: dict[str, Any], reason: str) -> None:
    found = conditions(Verdict(MD, observed_of(deployment, "True")), pods_of(observed_of(deployment, "True")))
    assert {kind: state[1] for kind, state in found}["Reconciling"] == reason


def test_weights_that_no_engine_can_serve_are_not_ready() -> None:
    problem = Problem("UnsupportedModel", "The repository holds nothing that this engine can serve.", stalled=True)
    found = conditions(Verdict(MD, observed_of(None, ""), problem), pods_of(observed_of(None, "")))
    assert dict(found)["WeightsReady"][0] == "False"


def test_what_pods_say_moves_no_cursor() -> None:
    problem = Problem("CrashLoop", "a\x1b[2Jb\u202ec\x00d\ne", stalled=True)
    status = status_of(Verdict(MD, observed_of(None, ""), problem), "now")
    assert {one["message"] for one in status["conditions"] if one["reason"] == "CrashLoop"} >= {"a[2Jbcd\ne"}
