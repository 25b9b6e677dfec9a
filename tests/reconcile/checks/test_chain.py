"""The order of the chain, whose pods speak, and messages that stay."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.manifests.names import ENGINE, FETCH, REVISION
from modelberth.reconcile.checks.chain import CHECKS, Checked, check_pods, check_pods_at
from modelberth.reconcile.checks.health import PATIENCE_S
from modelberth.reconcile.observed import Observed, Raw
from tests.fakes.pods import container, ended, status, unschedulable, waiting

from .cases import at, pod

LABELS = {"app.kubernetes.io/name": "vllm"}


def observed(*pods: Raw, told: Raw | None = None, generation: int = 1) -> Observed:
    """A Deployment of revision ``new`` with pods, and what the status says already."""
    deployment = {
        "metadata": {"name": "llama", "ownerReferences": [{"uid": "u", "controller": True}]},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": {REVISION: "new"}}, "spec": {}}},
    }
    conditions = [] if told is None else [{"type": "Stalled", "status": "True", "observedGeneration": 1, **told}]
    resource = {"metadata": {"uid": "u", "generation": generation}, "status": {"conditions": conditions}}
    return Observed(resource, {"Deployment": deployment}, list(pods))


def of(revision: str, pod_status: Raw) -> Raw:
    return pod(pod_status, labels={**LABELS, REVISION: revision})


def crashed(words: str = "boom", **more: Any) -> Raw:
    return status(container(state=ended(words, **more)))


GOOD = status(container(ready=True, started=True, state={"running": {}}))


def test_only_the_newest_revision_speaks_of_the_newest_spec() -> None:
    waits = unschedulable("0/1 nodes are available: 1 Insufficient cpu")
    problem = check_pods(observed(of("old", crashed("old words")), of("new", waits)))
    assert problem is not None
    assert problem.reason == "Unschedulable"


def test_an_older_revision_is_told_of_once_the_newest_is_fine() -> None:
    problem = check_pods(observed(of("old", crashed("old words")), of("new", GOOD)))
    assert problem is not None
    assert (problem.reason, problem.stalled) == ("CrashLoop", False)
    assert "older revision" in problem.message
    assert "old words" in problem.message
    assert check_pods(observed(of("old", GOOD), of("new", GOOD))) is None


def test_an_earlier_check_of_any_pod_wins() -> None:
    killed, lost = crashed(reason="OOMKilled"), status(container(FETCH, state=waiting("ErrImagePull", "x")))
    for pods in ((crashed(), killed, lost), (lost, killed, crashed())):
        problem = check_pods(observed(*(of("new", one) for one in pods)))
        assert problem is not None
        assert problem.reason == "ImagePullFailed"


def test_time_makes_problems_and_says_when() -> None:
    one = container(state={"running": {"startedAt": at(0)}}, started=True)
    silent = observed(of("new", status(one, changedAt=at(100))))
    assert check_pods_at(silent, at(110)) == Checked(None, PATIENCE_S - 10)
    checked = check_pods_at(silent, at(130))
    assert checked.problem is not None
    assert (checked.problem.reason, checked.again_s) == ("Unhealthy", None)
    assert check_pods(silent) is None


def same_words(told: Raw, generation: int, now: Raw) -> bool:
    problem = check_pods(observed(of("new", now), told=told, generation=generation))
    assert problem is not None
    return bool(problem.message == told["message"])


FIRST = "The engine ends again and again: exit code 1: the first words. Look."


@pytest.mark.parametrize(
    ("told", "generation", "now", "stays"),
    [
        ({"reason": "CrashLoop", "message": FIRST}, 1, crashed("others", code=139), True),
        ({"reason": "CrashLoop", "message": FIRST}, 2, crashed("others"), False),
        ({"reason": "OutOfMemory", "message": FIRST}, 1, crashed("others"), False),
        ({"reason": "CrashLoop", "message": FIRST, "status": "False"}, 1, crashed("others"), False),
        ({"reason": "CrashLoop", "message": FIRST, "type": "Reconciling"}, 1, crashed("others"), True),
        ({"reason": "CrashLoop", "message": "Container x ends again: 1"}, 1, crashed("others"), False),
    ],
)
def test_what_keeps_its_first_words(told: Raw, generation: int, now: Raw, stays: bool) -> None:
    assert same_words(told, generation, now) is stays


def test_counts_of_nodes_are_no_news_but_another_obstacle_is() -> None:
    def nodes(text: str) -> Raw:
        return unschedulable(f"0/{text}. preemption: none.")

    problem = check_pods(observed(of("new", nodes("9 nodes are available: 9 Insufficient cpu"))))
    assert problem is not None
    told = {"reason": "Unschedulable", "message": problem.message, "type": "Reconciling"}
    assert same_words(told, 1, nodes("12 nodes are available: 12 Insufficient cpu"))
    assert not same_words(told, 1, nodes("9 nodes are available: 4 Insufficient cpu, 5 node(s) were unschedulable"))


def test_another_name_is_another_matter() -> None:
    def secret(name: str) -> Raw:
        return status(container(state=waiting("CreateContainerConfigError", f'secret "{name}" not found')))

    told = {"reason": "ConfigMissing", "message": "Container engine cannot start: There is no Secret a-1 here."}
    assert same_words(told, 1, secret("a-1")), "details of one container stay"
    claim = 'persistentvolumeclaim "b-{}" not found'
    told = {"reason": "ConfigMissing", "message": "There is no PersistentVolumeClaim b-1 in this namespace. Create it."}
    assert same_words(told, 1, unschedulable(claim.format(1)))
    assert not same_words(told, 1, unschedulable(claim.format(2)))


def test_a_message_without_a_detail_gives_way_to_one_with_it() -> None:
    back_off = container(image="i", state=waiting("ImagePullBackOff", 'Back-off pulling image "i"'))
    error = container(image="i", state=waiting("ErrImagePull", "not found"))
    problem = check_pods(observed(of("new", status(back_off))))
    assert problem is not None
    told = {"reason": "ImagePullFailed", "message": problem.message}
    better = check_pods(observed(of("new", status(error)), told=told))
    assert better is not None
    assert "not found" in better.message
    told = {"reason": "ImagePullFailed", "message": better.message}
    assert same_words(told, 1, status(back_off))


STATES: st.SearchStrategy[Raw] = st.one_of(
    st.builds(waiting, st.text(max_size=30), st.text()),
    st.builds(ended, st.text(), st.integers(-1, 300), st.sampled_from(["Error", "OOMKilled", "StartError", ""])),
    st.just({"running": {}}),
    st.just({}),
)
CONTAINERS: st.SearchStrategy[Raw] = st.builds(
    lambda name, state, last, started, ready: container(
        name, state=state, lastState=last, started=started, ready=ready
    ),
    st.sampled_from([ENGINE, FETCH, "relay", "other"]),
    STATES,
    STATES,
    st.booleans(),
    st.booleans(),
)


@given(st.lists(CONTAINERS, max_size=4), st.sampled_from(["Pending", "Running", "Failed", "Succeeded"]))
def test_whatever_a_kubelet_says_ends_in_words(containers: list[Raw], phase: str) -> None:
    """Pods are the tenants': their last words can be anything."""
    problem = check_pods(observed(of("new", status(*containers, phase=phase))))
    if problem is not None:
        assert problem.reason
        assert problem.message.endswith((".", "!", "?"))
        again = check_pods(observed(of("new", status(*containers, phase=phase)), told=vars(problem)))
        assert again == problem


def test_every_check_is_in_the_chain_once() -> None:
    assert len(set(CHECKS)) == len(CHECKS)


def test_the_pod_that_reads_a_model_names_the_model_s_image() -> None:
    reference = "registry.example.com/acme/model:1"
    one = container(image="operator:1", state=waiting("ErrImagePull", f'failed to pull image "{reference}": not found'))
    resource = {"metadata": {"uid": "u"}, "spec": {"model": {"uri": f"oci://{reference}"}}}
    problem = check_pods(Observed(resource, {}, [pod(status(one))]))
    assert problem is not None
    assert problem.message.startswith(f"The image {reference} of spec.model.uri cannot be pulled")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0 of 9 nodes (9: x)", "0 of 12 nodes (12: x)", True),
        ("36.66 GiB are free in /models", "7.1 GiB are free in /models", True),
        ("There is no Secret keys-1 here", "There is no Secret keys-2 here", False),
        ("The image acme/engine:1.2 is", "The image acme/engine:1.3 is", False),
        ("port 10.0.0.1:80", "port 10.0.0.2:80", False),
        ("It took 3.", "It took 4.", True),
    ],
)
def test_numbers_that_count_are_no_difference(one: str, other: str, same: bool) -> None:
    def report(message: str) -> Raw:
        text = json.dumps({"reason": "NotEnoughDisk", "message": message})
        return status(container(FETCH, state=ended(text)))

    assert same_words({"reason": "NotEnoughDisk", "message": one}, 1, report(other)) is same
