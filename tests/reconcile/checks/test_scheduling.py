"""The scheduler's messages, as FitError of Kubernetes 1.36 writes them."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.config import missing_claim
from modelberth.reconcile.checks.obstacles import obstacles_of
from modelberth.reconcile.checks.scheduling import UNHEARD_S, needed, unheard, unschedulable
from tests.fakes.pods import SCHEDULED
from tests.fakes.pods import unschedulable as unplaced

from .cases import at, case, deployment, pod

TWO_GPUS = {"containers": [{"name": "engine", "resources": {"limits": {"nvidia.com/gpu": "2"}}}]}
WITH_CLAIM = {"volumes": [{"name": "weights", "persistentVolumeClaim": {"claimName": "models"}}]}


def told(message: str, spec: dict[str, Any] | None = None) -> str:
    found = unschedulable(case(pod(unplaced(message)), spec=spec))
    assert found is not None
    assert (found.reason, found.stalled) == ("Unschedulable", False)
    return found.message


def test_which_resource_and_how_many_nodes() -> None:
    text = told(
        "0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: web}, 2 Insufficient nvidia.com/gpu. "
        "preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims "
        "found for incoming pod.",
        TWO_GPUS,
    )
    assert text.startswith(
        "No node takes the pod, which needs 2 nvidia.com/gpu: 0 of 3 nodes could take it (1: the taint dedicated, "
        "which the pod does not tolerate; 2: too little free nvidia.com/gpu)."
    )
    assert "spec.parallelism" in text


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Insufficient memory", "too little free memory"),
        ("Insufficient nvidia.com/gpu", "too little free nvidia.com/gpu"),
        ("Too many pods", "no more pods"),
        ("node(s) had untolerated taint(s)", "a taint"),
        ("node(s) had untolerated taint {nvidia.com/gpu: present}", "the taint nvidia.com/gpu"),
        ("node(s) had untolerated taint {nvidia.com/gpu: }", "the taint nvidia.com/gpu"),
        ("node(s) had taints that the pod didn't tolerate", "a taint"),
        ("node(s) were unschedulable", "cordoned"),
        ("node(s) didn't match Pod's node affinity/selector", "another node selector"),
        ("node(s) didn't match pod anti-affinity rules", "pods that it must not run beside"),
        ("node(s) didn't satisfy existing pods anti-affinity rules", "pods that it must not run beside"),
        ("node(s) had volume node affinity conflict", "its volume is on another node"),
        ("node(s) didn't match PersistentVolume's node affinity", "its volume is on another node"),
        ("node(s) didn't find available persistent volumes to bind", "no volume for its claim"),
        ("node(s) had a new idea", "had a new idea"),
    ],
)
def test_every_obstacle_in_words(reason: str, words: str) -> None:
    assert f"(1: {words}" in told(f"0/1 nodes are available: 1 {reason}. no new claims to deallocate, preemption: 0/1")


@given(
    st.dictionaries(
        st.from_regex(r"Insufficient [a-z]{2,9}(/[a-z]{2,5})?", fullmatch=True), st.integers(1, 999), min_size=1
    ),
    st.integers(1, 5000),
)
def test_obstacles_are_read_as_they_are_written(reasons: dict[str, int], nodes: int) -> None:
    text = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    read = obstacles_of(f"0/{nodes} nodes are available: {text}. preemption: not helpful.")
    assert read is not None
    assert read.nodes == nodes
    assert dict((words.split()[-1], count) for count, words in read.found) == {
        reason.split()[-1]: count for reason, count in reasons.items()
    }
    assert list(read.lacking) == sorted(reason.split()[-1] for reason in reasons)


@given(st.text())
def test_any_message_is_told_somehow(message: str) -> None:
    found = unschedulable(case(pod(unplaced(message))))
    assert found is not None
    assert found.message


def test_the_order_of_obstacles_does_not_follow_their_numbers() -> None:
    one = told("0/3 nodes are available: 1 Insufficient cpu, 2 Insufficient memory.")
    other = told("0/3 nodes are available: 1 Insufficient memory, 2 Insufficient cpu.")
    assert re.sub(r"\d", "#", one) == re.sub(r"\d", "#", other)


def test_needs_are_those_of_all_containers_that_run_together() -> None:
    spec = {
        "initContainers": [
            {"name": "fetch", "resources": {"requests": {"cpu": "4"}}},
            {"name": "relay", "restartPolicy": "Always", "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}}},
        ],
        "containers": [{"name": "engine", "resources": {"requests": {"cpu": "2", "memory": "3Gi"}}}],
    }
    assert needed(spec, "cpu") == "2.01"
    assert needed(spec, "memory") == "3.03Gi"
    assert needed(spec, "nvidia.com/gpu") == ""
    assert needed(TWO_GPUS, "nvidia.com/gpu") == "2"


def test_a_claim_without_a_volume() -> None:
    text = told("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found", WITH_CLAIM)
    assert "no volume is bound to PersistentVolumeClaim models" in text
    assert "StorageClass" in text


def test_a_claim_that_nobody_made() -> None:
    message = 'persistentvolumeclaim "models" not found. preemption: 0/1 nodes are available'
    found = missing_claim(case(pod(unplaced(f"0/1 nodes are available: {message}"))))
    assert found is not None
    assert found.reason == "ConfigMissing"
    assert found.message.startswith("There is no PersistentVolumeClaim models in this namespace.")


@pytest.mark.parametrize(("age", "in_s"), [(5, UNHEARD_S - 5), (60, UNHEARD_S - 60)])
def test_a_pod_of_which_no_scheduler_speaks(age: int, in_s: float) -> None:
    silent = pod({"phase": "Pending"}, creationTimestamp=at(0))
    found = unheard(case(silent, now=age))
    assert found is not None
    assert (found.reason, found.in_s) == ("Unschedulable", in_s)
    assert "default-scheduler" in found.message
    found = unheard(case(silent, spec=WITH_CLAIM, now=age))
    assert found is not None
    assert "models" in found.message


def test_a_pod_that_has_a_node_is_heard_of() -> None:
    heard = pod({"phase": "Pending", "conditions": [SCHEDULED]}, creationTimestamp=at(0))
    assert unheard(case(heard, now=60)) is None
    assert unheard(case(pod({"phase": "Pending"}, creationTimestamp=at(0)))) is None, "without a clock"


def test_pods_with_a_node_are_no_matter_of_scheduling() -> None:
    assert unschedulable(Case([pod({"phase": "Running", "conditions": [SCHEDULED]})], deployment())) is None
