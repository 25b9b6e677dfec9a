"""spec.podTemplate is merged as Kubernetes merges a strategic merge patch (e2e asks kubectl itself)."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelberth.manifests.merge import by_name, merged
from tests.manifests.specs import pod

BASE: dict[str, Any] = {
    "containers": [
        {
            "name": "engine",
            "image": "vllm",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "volumeMounts": [{"name": "home", "mountPath": "/home"}, {"name": "tmp", "mountPath": "/tmp"}],
            "ports": [{"name": "http", "containerPort": 8000, "protocol": "TCP"}],
            "securityContext": {"capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True},
        }
    ],
    "volumes": [{"name": "home", "emptyDir": {}}, {"name": "shm", "emptyDir": {"medium": "Memory"}}],
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    "nodeSelector": {"gpu": "l4"},
}


def patched(patch: dict[str, Any]) -> dict[str, Any]:
    before = copy.deepcopy((BASE, patch))
    result: dict[str, Any] = merged(BASE, patch)
    assert (BASE, patch) == before, "neither argument is changed"
    return result


def engine(patch: dict[str, Any]) -> Any:
    return patched({"containers": [{"name": "engine", **patch}]})["containers"][0]


def test_an_empty_patch_changes_nothing() -> None:
    assert patched({}) == BASE


def test_containers_merge_by_name_and_new_ones_follow() -> None:
    found = patched({"containers": [{"name": "beside", "image": "b"}, {"name": "engine", "tty": True}]})["containers"]
    assert [container["name"] for container in found] == ["engine", "beside"]
    assert found[0] == {**BASE["containers"][0], "tty": True}


def test_init_containers_are_added_where_there_are_none() -> None:
    found = patched({"initContainers": [{"name": "first", "image": "b", "command": None}]})
    assert found["initContainers"] == [{"name": "first", "image": "b"}]


def test_env_merges_by_name() -> None:
    assert engine({"env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]})["env"] == [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "3"},
        {"name": "C", "value": "4"},
    ]


def test_volume_mounts_merge_by_path() -> None:
    assert engine({"volumeMounts": [{"name": "cache", "mountPath": "/home"}]})["volumeMounts"] == [
        {"name": "cache", "mountPath": "/home"},
        {"name": "tmp", "mountPath": "/tmp"},
    ]


def test_ports_merge_by_number() -> None:
    assert engine({"ports": [{"containerPort": 8000, "hostPort": 80}, {"containerPort": 9, "name": "n"}]})["ports"] == [
        {"name": "http", "containerPort": 8000, "protocol": "TCP", "hostPort": 80},
        {"containerPort": 9, "name": "n"},
    ]


def test_one_key_twice_in_a_patch_loses_neither() -> None:
    ports = [{"containerPort": 8000, "hostPort": 80}, {"containerPort": 8000, "hostIP": "10.0.0.1"}]
    assert engine({"ports": ports})["ports"] == [
        {"name": "http", "containerPort": 8000, "protocol": "TCP", "hostPort": 80, "hostIP": "10.0.0.1"}
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [("tolerations", [{"key": "team"}]), ("imagePullSecrets", [{"name": "a"}]), ("hostAliases", [])],
)
def test_other_lists_are_replaced(field: str, value: Any) -> None:
    assert patched({field: value})[field] == value


def test_lists_of_words_are_replaced() -> None:
    found = engine({"securityContext": {"capabilities": {"drop": ["NET_RAW"]}}})
    assert found["securityContext"] == {"capabilities": {"drop": ["NET_RAW"]}, "readOnlyRootFilesystem": True}


def test_null_removes_and_reaches_nobody() -> None:
    found = patched({"nodeSelector": {"gpu": None}, "tolerations": None, "affinity": {"nodeAffinity": None}})
    assert found["nodeSelector"] == {}
    assert "tolerations" not in found
    assert found["affinity"] == {}


def test_a_volume_keeps_its_source_and_takes_another_in_its_place() -> None:
    bigger = patched({"volumes": [{"name": "shm", "emptyDir": {"sizeLimit": "8Gi"}}]})["volumes"]
    assert bigger[1] == {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}
    claim = {"name": "home", "persistentVolumeClaim": {"claimName": "caches"}}
    assert patched({"volumes": [claim]})["volumes"][0] == claim
    assert patched({"volumes": [{**claim, "emptyDir": None}]})["volumes"][0] == claim
    assert patched({"volumes": [{"name": "home"}]}) == BASE


def test_variables_of_the_spec_replace_ours_whole() -> None:
    reference = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    assert by_name([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], [reference]) == [
        reference,
        {"name": "B", "value": "2"},
    ]


words = st.sampled_from(("a", "b", "c"))
values = st.none() | st.integers(0, 2) | st.dictionaries(words, st.none() | st.integers(0, 2))
containers = st.lists(
    st.fixed_dictionaries(
        {"name": words},
        optional={
            "env": st.lists(st.fixed_dictionaries({"name": words}, optional={"value": st.none() | words})),
            "ports": st.lists(st.fixed_dictionaries({"containerPort": st.integers(1, 2)}, optional={"name": words})),
            "limits": values,
        },
    )
)
sources: st.SearchStrategy[Any] = st.none() | st.just({}) | st.just({"medium": "Memory"})
volumes = st.lists(
    st.fixed_dictionaries({"name": words}, optional={"emptyDir": sources, "secret": sources}),
    unique_by=lambda volume: str(volume["name"]),
)
patches = st.fixed_dictionaries(
    {}, optional={"containers": containers, "volumes": volumes, "nodeSelector": values, "tolerations": values}
)


def nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(nulls, value.values()))
    return value is None or (isinstance(value, list) and any(map(nulls, value)))


@settings(deadline=None)
@given(patches, patches)
def test_merging_twice_is_merging_once_and_leaves_no_null(first: dict[str, Any], second: dict[str, Any]) -> None:
    base = merged({}, first)
    once = merged(base, second)
    assert merged(once, second) == once
    assert not nulls(once)


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"initContainers": [{"name": "fetch", "resources": {"limits": {"memory": "4Gi"}}}]}, ("initContainers", 0)),
        ({"initContainers": [{"name": "fetch", "env": [{"name": "HF_HUB_DOWNLOAD_TIMEOUT", "value": "60"}]}]}, None),
    ],
)
def test_the_fetcher_can_be_given_more(patch: dict[str, Any], path: Any) -> None:
    before, after = pod({})["initContainers"][0], pod({"podTemplate": {"spec": patch}})["initContainers"][0]
    assert after["args"] == before["args"]
    if path:
        assert after["resources"] == {"requests": before["resources"]["requests"], "limits": {"memory": "4Gi"}}
    else:
        assert after["env"] == [*before["env"], {"name": "HF_HUB_DOWNLOAD_TIMEOUT", "value": "60"}]


def test_an_init_container_of_the_user_runs_after_the_download() -> None:
    found = pod({"podTemplate": {"spec": {"initContainers": [{"name": "check", "image": "busybox"}]}}})
    assert [container["name"] for container in found["initContainers"]] == ["fetch", "hooks", "check"]
