"""What a slice means, and what it does not."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.activator.known import Known
from modelberth.activator.slices import Backend, Door, Key, Pods, claims, read
from modelberth.manifests.names import OWNER_LABEL, SLICE_MANAGED_BY, SLICE_SERVICE
from tests.activator.api import Raw, door_slice, pod_slice

KEY = ("team-a", "llama")


def changed(raw: Raw, *path: Any, to: Any) -> Raw:
    raw = copy.deepcopy(raw)
    at: Any = raw
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    return raw


def test_a_door() -> None:
    assert read(door_slice(KEY, 12000, served="org/llama", api_key="yes")) == Door(
        KEY, 12000, "org/llama", True, "2026-01-01T00:00:00Z", frozenset({"10.0.0.9"})
    )


def test_pods() -> None:
    assert read(pod_slice(KEY, 8000)) == Pods(KEY, frozenset({Backend("127.0.0.1", 8000)}), "2026-01-01T00:00:00Z")
    assert read(pod_slice(KEY)) == Pods(KEY, frozenset(), "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("backend", "url"),
    [(Backend("10.0.0.1", 8000), "http://10.0.0.1:8000"), (Backend("fd00::1", 80), "http://[fd00::1]:80")],
)
def test_url(backend: Backend, url: str) -> None:
    assert backend.url == url


@pytest.mark.parametrize("port", [0, 80, 8081, 9999, 32768, 70000, -1, "12000", None])
def test_a_door_has_only_a_port_that_the_operator_hands_out(port: Any) -> None:
    assert read(door_slice(KEY, port)) is None


LABELS = ["metadata", "labels"]
TARGET = ["endpoints", 0, "targetRef"]


@pytest.mark.parametrize(
    ("path", "to", "ready"),
    [
        (["endpoints", 0, "conditions"], {}, True),
        (["endpoints", 0, "conditions"], {"ready": None}, True),
        (["endpoints", 0, "conditions"], {"ready": False, "serving": True}, False),
        (TARGET, None, False),
        ([*TARGET, "kind"], "Node", False),
        ([*TARGET, "namespace"], "kube-system", False),
        (["addressType"], "FQDN", False),
        (["addressType"], "IPv6", True),
        (["ports"], None, False),
        (["ports"], [{"name": "metrics", "port": 9000}, {"name": "http", "port": 8000}], True),
        (["ports"], [{"port": 8000}], True),
        (["ports"], [{"name": "http", "port": 80000}], False),
        (["ports"], [{"name": "http", "port": None}], False),
    ],
)
def test_only_ready_pods_of_the_models_namespace_are_backends(path: list[Any], to: Any, ready: bool) -> None:
    pods = read(changed(pod_slice(KEY, 8000), *path, to=to))
    assert isinstance(pods, Pods)
    assert pods.backends == ({Backend("127.0.0.1", 8000)} if ready else set())


@pytest.mark.parametrize("raw", [door_slice(KEY, 12000), pod_slice(KEY, 8000)])
@pytest.mark.parametrize(
    ("path", "to"),
    [
        ([*LABELS, SLICE_SERVICE], "another"),
        ([*LABELS, SLICE_MANAGED_BY], "someone"),
        ([*LABELS, OWNER_LABEL], "another"),
        (LABELS, {}),
        (["metadata"], {}),
    ],
)
def test_what_is_not_of_a_models_own_service_means_nothing(raw: Raw, path: list[Any], to: Any) -> None:
    assert read(changed(raw, *path, to=to)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLACES = [
    ["addressType"],
    ["ports"],
    ["ports", 0],
    ["ports", 0, "port"],
    ["ports", 0, "name"],
    ["endpoints"],
    ["endpoints", 0],
    ["endpoints", 0, "addresses"],
    ["endpoints", 0, "conditions"],
    TARGET,
    ["metadata", "annotations"],
    LABELS,
]


@given(raw=st.sampled_from([door_slice(KEY, 12000), pod_slice(KEY, 8000)]), place=st.sampled_from(PLACES), to=JSON)
def test_whatever_is_written_it_is_read_or_left_alone(raw: Raw, place: list[Any], to: Any) -> None:
    meaning = read(changed(raw, *place, to=to))
    if isinstance(meaning, Door):
        assert meaning.key == KEY
        assert 10000 <= meaning.port <= 32767
        assert isinstance(meaning.served_name, str)
        assert meaning.created >= 0
    elif isinstance(meaning, Pods):
        assert meaning.key == KEY
        assert all(isinstance(one.address, str) and 0 < one.port < 65536 for one in meaning.backends)


@pytest.mark.parametrize(
    "address", ["evil.example", "10.0.0.1/a", "169.254.169.254", "fe80::1", "224.0.0.1", "::1%lo", 1]
)
def test_what_no_pod_can_have_is_no_address(address: Any) -> None:
    assert read(changed(pod_slice(KEY, 8000), "endpoints", 0, "addresses", to=[address])) is None


MADE = st.sampled_from([f"2026-01-0{day}T00:00:00Z" for day in range(1, 8)])
DOORS = st.lists(
    st.builds(
        lambda name, port, made: Door(("ns", name), port, name, False, made, frozenset()),
        st.sampled_from("abcdef"),
        st.integers(10000, 10003),
        MADE,
    ),
    max_size=10,
)


@given(doors=DOORS, since=st.dictionaries(st.sampled_from([("ns", name) for name in "abcdef"]), MADE))
def test_each_port_is_the_oldest_models(doors: list[Door], since: dict[Key, str]) -> None:
    held, late = claims(doors, since)

    def age(door: Door) -> tuple[str, Key]:
        return since.get(door.key, door.since), door.key

    assert set(held) == {door.port for door in doors}
    assert len(held) + len(late) == len(doors)
    for door in late:
        assert age(held[door.port]) <= age(door)
    assert claims(reversed(doors), since)[0].keys() == held.keys()


def test_a_list_of_one_namespace_says_nothing_of_another() -> None:
    known = Known()
    other = ("team-b", "llama")
    known.listed("team-a", [door_slice(KEY, 12000), pod_slice(KEY, 8000)])
    known.listed("team-b", [door_slice(other, 12001)])
    known.listed("team-a", [pod_slice(KEY, 8001)])
    assert [door.key for door in known.doors()] == [other]
    assert known.ready() == {KEY: {Backend("127.0.0.1", 8001)}}
    known.listed(None, [])
    assert known.doors() == []
    assert known.ready() == {}
    assert known.since() == {}


def test_pods_of_several_slices_and_the_age_of_a_model() -> None:
    known = Known()
    known.changed(pod_slice(KEY, 8000, made="2026-01-02T00:00:00Z"), gone=False)
    known.changed(pod_slice(KEY, 8001, made="2026-01-01T00:00:00Z"), gone=False)
    known.changed(door_slice(KEY, 12000, made="2026-01-03T00:00:00Z"), gone=False)
    assert known.ready() == {KEY: {Backend("127.0.0.1", 8000), Backend("127.0.0.1", 8001)}}
    assert known.since() == {KEY: "2026-01-01T00:00:00Z"}
    known.changed(pod_slice(KEY, 8001), gone=True)
    assert known.since() == {KEY: "2026-01-02T00:00:00Z"}
    known.changed(changed(pod_slice(KEY, 8000), *LABELS, to={}), gone=False)
    assert known.ready() == {}
