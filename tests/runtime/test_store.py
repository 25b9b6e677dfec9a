"""The store keeps the newest of everything, whatever the order in which it is told."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.meta import KIND
from modelberth.manifests.names import OWNER_LABEL
from modelberth.runtime.store import Store, owner_key, trimmed

NS = "ns"


def thing(version: int, name: str = "a", uid: str = "u1", **meta: Any) -> dict[str, Any]:
    stamp = f"2026-01-01T00:00:{version % 60:02d}Z"
    its = {"namespace": NS, "name": name, "uid": uid, "resourceVersion": str(version), "creationTimestamp": stamp}
    return {"metadata": its | meta, "spec": {"version": version}}


def pod(version: int, name: str = "p", uid: str = "p1", owner: str | None = "a") -> dict[str, Any]:
    return thing(version, name, uid, labels={OWNER_LABEL: owner} if owner else {})


def test_news_and_no_news() -> None:
    store = Store()
    assert store.remember("Service", thing(5))
    assert not store.remember("Service", thing(5))
    assert not store.remember("Service", thing(4))
    assert store.remember("Service", thing(6))
    kept = store.get("Service", NS, "a")
    assert kept is not None
    assert kept["spec"] == {"version": 6}


def test_versions_are_numbers() -> None:
    store = Store()
    store.remember("Service", thing(9))
    assert store.remember("Service", thing(10))


def test_a_list_that_was_read_before_the_deletion_brings_nothing_back() -> None:
    store = Store()
    store.remember("Service", thing(5))
    store.deleted("Service", thing(8))
    assert not store.remember("Service", thing(5))
    assert store.get("Service", NS, "a") is None


def test_a_new_object_of_the_same_name_is_news() -> None:
    store = Store()
    store.remember("Service", thing(5))
    store.deleted("Service", thing(8))
    assert store.remember("Service", thing(9, uid="u2"))


def test_a_late_deletion_of_the_namesake_drops_nothing() -> None:
    store = Store()
    store.remember("Service", thing(5))
    store.remember("Service", thing(9, uid="u2"))
    store.deleted("Service", thing(8))
    assert store.get("Service", NS, "a") is not None


def test_an_object_that_lost_its_label_and_got_it_back() -> None:
    store = Store()
    store.remember("Service", thing(5))
    store.deleted("Service", thing(6))
    assert store.remember("Service", thing(6))  # a GET brings it in its version without the label
    assert store.remember("Service", thing(7))
    store.deleted("Service", thing(6))
    assert store.get("Service", NS, "a") is not None


def test_pods_by_owner_oldest_first() -> None:
    store = Store()
    store.remember("Pod", pod(9, "p2", "p2"))
    store.remember("Pod", pod(7, "p1", "p1"))
    store.remember("Pod", pod(8, "other", "p3", owner="b"))
    store.remember("Pod", pod(6, "stray", "p4", owner=None))
    assert [one["metadata"]["name"] for one in store.pods(NS, "a")] == ["p1", "p2"]
    assert store.pods("elsewhere", "a") == []


def test_a_pod_that_changes_its_owner_moves() -> None:
    store = Store()
    store.remember("Pod", pod(5))
    store.remember("Pod", pod(6, owner="b"))
    assert store.pods(NS, "a") == []
    assert len(store.pods(NS, "b")) == 1
    store.forget("Pod", pod(6, owner="b"))
    assert store.pods(NS, "b") == []


def test_prune_takes_ghosts_and_leaves_what_is_newer_than_the_list() -> None:
    store = Store()
    for version, name in ((5, "listed"), (6, "ghost"), (20, "newer")):
        store.remember("Pod", pod(version, name, name))
    ghosts = store.prune("Pod", [(NS, "listed")], before=10)
    assert [ghost["metadata"]["name"] for ghost in ghosts] == ["ghost"]
    assert {one["metadata"]["name"] for one in store.pods(NS, "a")} == {"listed", "newer"}
    assert store.newest("Pod") == 20
    assert store.newest("Service") == 0


def test_resources_and_counts() -> None:
    store = Store()
    store.remember(KIND, thing(5))
    store.remember("Pod", pod(6))
    assert store.resources() == [(NS, "a")]
    assert store.count() == {KIND: 1, "Pod": 1}


def test_what_nobody_reads_is_not_kept() -> None:
    raw = pod(5)
    raw["metadata"]["managedFields"] = [{}]
    raw["spec"] = {"containers": [{"name": "engine"}]}
    raw["status"] = {"phase": "Running", "podIP": "10.1.0.7", "podIPs": []}
    kept = trimmed("Pod", raw)
    assert "spec" not in kept
    assert kept["status"] == {
        "phase": "Running",
        "podIP": "10.1.0.7",
        "conditions": [],
        "initContainerStatuses": [],
        "containerStatuses": [],
    }
    assert "managedFields" not in kept["metadata"]
    assert "managedFields" not in trimmed("Service", raw)["metadata"]
    assert trimmed("Service", raw)["spec"] == raw["spec"]
    assert raw["metadata"]["managedFields"], "the caller's object is not changed"


def test_of_a_pod_the_time_of_its_last_status_and_the_conditions_that_are_read_are_kept() -> None:
    raw = pod(1)
    raw["metadata"]["managedFields"] = [
        {"manager": "kube-scheduler", "subresource": "status", "time": "2026-01-01T00:00:01Z"},
        {"manager": "kubelet", "subresource": "status", "time": "2026-01-01T00:00:05Z"},
        {"manager": "kube-controller-manager", "time": "2026-01-01T00:00:09Z"},
    ]
    ready = {"type": "ContainersReady", "status": "False", "lastTransitionTime": "2026-01-01T00:00:05Z"}
    raw["status"] = {
        "conditions": [{**ready, "lastProbeTime": None, "observedGeneration": 1}, {"type": "Ready", "status": "False"}]
    }
    kept = trimmed("Pod", raw)
    assert "managedFields" not in kept["metadata"]
    assert kept["status"]["changedAt"] == "2026-01-01T00:00:05Z"
    assert kept["status"]["conditions"] == [ready]
    assert "changedAt" not in trimmed("Pod", pod(1))["status"]


def test_owner_key() -> None:
    assert owner_key(pod(1)) == (NS, "a")
    assert owner_key(pod(1, owner=None)) is None
    assert owner_key({"metadata": {"namespace": NS, "labels": None}}) is None


@given(lives=st.lists(st.integers(1, 4), min_size=1, max_size=4), gone=st.booleans(), seed=st.integers(0, 10_000))
def test_any_order_of_all_news_ends_with_the_last_word(lives: list[int], gone: bool, seed: int) -> None:
    """Lives of one name: each is some versions of one uid and, but for the last, a deletion."""
    told: list[tuple[str, dict[str, Any]]] = []
    version = 0
    for life, changes in enumerate(lives):
        for _ in range(changes):
            version += 1
            told.append(("MODIFIED", pod(version, uid=f"u{life}")))
        if gone or life < len(lives) - 1:
            version += 1
            told.append(("DELETED", pod(version, uid=f"u{life}")))
    order = random.Random(seed).sample(told * 2, len(told) * 2)
    store = Store()
    for event, raw in order:
        if event == "DELETED":
            store.deleted("Pod", raw)
        else:
            store.remember("Pod", raw)
    kept = store.get("Pod", NS, "p")
    assert (kept is None) == gone
    if kept is not None:
        assert kept["metadata"]["resourceVersion"] == str(version)
    assert store.pods(NS, "a") == ([] if kept is None else [kept])
