"""Revisions are frozen in the Deployment and come back as they were, or not at all."""

import base64
import json
import secrets
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelberth.manifests.children import built, children
from modelberth.manifests.facts import Facts, inputs_of
from modelberth.manifests.names import FROZEN, LAST_GOOD, PODS, REVISION, ROLLED_BACK, UPGRADE
from modelberth.manifests.revision import (
    Failure,
    History,
    Revision,
    annotations_of,
    history_of,
    packed,
    revision_of,
    thaw,
    unpacked,
)
from modelberth.manifests.settings import FetcherSettings, Settings
from modelberth.planner.plan import Launch
from modelberth.planner.planned import Planned
from tests.manifests.specs import deployment_of, facts_of, resource

TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "engine"}]}}
PACKED = packed(TEMPLATE)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def annotated(text: Any, pods: Any = PACKED) -> dict[str, Any]:
    return {"metadata": {"annotations": {FROZEN: text, PODS: pods}}}


def revision(facts: Facts | None = None) -> Revision:
    return revision_of(deployment_of(resource()), facts or facts_of(), TEMPLATE)


@settings(deadline=None)
@given(st.dictionaries(st.text(), json_values, min_size=1))
def test_what_is_packed_unpacks(spec: dict[str, Any]) -> None:
    template = {"metadata": {"labels": {}}, "spec": {**spec, "containers": []}}
    assert unpacked(packed(template)) == template


def test_what_would_fill_the_memory_is_not_unpacked() -> None:
    bomb = zlib.compress(b'{"metadata": {"labels": {}}, "spec": {"containers": [' + b" " * (64 << 20) + b"]}}")
    with pytest.raises(ValueError, match="packed"):
        unpacked(base64.b64encode(bomb).decode())


def test_the_revision_before_is_left_out_where_it_would_not_fit() -> None:
    large = {**TEMPLATE, "metadata": {"labels": {}, "annotations": {"a": secrets.token_hex(150_000)}}}
    big = revision_of(deployment_of(resource()), facts_of(), large)
    assert LAST_GOOD in annotations_of(revision(), History(revision()))
    assert LAST_GOOD not in annotations_of(big, History(big))


@settings(deadline=None)
@given(
    st.none() | st.text("0123456789abcdef", min_size=40, max_size=40),
    st.builds(Launch, st.floats(0.01, 1), st.integers(min_value=0), st.integers(min_value=0)),
    st.sampled_from(("True", "False", "Unknown")),
    st.text(),
)
def test_what_is_frozen_thaws(commit: str | None, launch: Launch, status: Any, message: str) -> None:
    facts = Facts(Planned(status, "Fits", message, launch, {"fits": True, "perGpu": {"totalGiB": 1.5}}), commit)
    found = thaw({"metadata": {"annotations": annotations_of(revision(facts), History())}})
    assert found == revision(facts)
    assert found is not None
    assert found.template == TEMPLATE


@pytest.mark.parametrize(
    "history",
    [
        History(),
        History(revision()),
        History(None, Failure(("a", "b"), "CrashLoop", 'It said: "no".')),
        History(revision(), Failure(("a", ""), "OutOfMemory", "")),
    ],
)
def test_what_is_remembered_comes_back(history: History) -> None:
    assert history_of({"metadata": {"annotations": annotations_of(revision(), history)}}) == history


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_memory_raises(good: str, failure: str) -> None:
    history_of({"metadata": {"annotations": {LAST_GOOD: good, ROLLED_BACK: failure}}})


def test_the_deployment_carries_it() -> None:
    md = deployment_of(resource())
    facts = facts_of()
    workload = children(md, built(md, facts, Settings()))[0]
    frozen = thaw(workload)
    assert frozen is not None
    assert frozen.facts == facts
    assert frozen.inputs == inputs_of(md)
    assert frozen.template == workload["spec"]["template"]


def test_pods_of_another_template_carry_another_label() -> None:
    md = deployment_of(resource())
    old, new = (Settings(fetcher=FetcherSettings(image=f"example.com/operator:{version}")) for version in (1, 2))
    labels = {built(md, facts_of(), chosen).template["metadata"]["labels"][REVISION] for chosen in (old, new)}
    assert len(labels) == 2


def test_a_new_value_of_the_annotation_is_another_wish() -> None:
    asked = resource()
    asked["metadata"]["annotations"] = {UPGRADE: "now"}
    wishes = [built(deployment_of(each), facts_of(), Settings()).wish for each in (resource(), asked)]
    assert wishes[0] != wishes[1]
    assert wishes[0][0] == wishes[1][0]


def test_without_a_kept_template_that_which_runs_is_it() -> None:
    workload = children(deployment_of(resource()), revision())[0]
    del workload["metadata"]["annotations"][PODS]
    found = thaw(workload)
    assert found is not None
    assert found.template == workload["spec"]["template"]


PLANNED: dict[str, Any] = {
    "status": "True",
    "reason": "Fits",
    "message": "",
    "record": {},
    "launch": {"memory_fraction": 0.9, "cpu_kv_bytes": 0, "cpu_kv_tokens": 0},
}
GOOD: dict[str, Any] = {"inputs": "a", "model": "b", "commit": None, "planned": PLANNED}


def test_the_record_that_the_cases_below_damage_is_whole() -> None:
    assert thaw(annotated(json.dumps(GOOD))) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        "NaN",
        '"text"',
        "{}",
        "[" * 100_000,
        *(json.dumps({name: value for name, value in GOOD.items() if name != gone}) for gone in GOOD),
        *(json.dumps(GOOD | damage) for damage in ({"inputs": 7}, {"model": None}, {"commit": 7}, {"commit": ["a"]})),
        *(
            json.dumps(GOOD | {"planned": {name: value for name, value in PLANNED.items() if name != gone}})
            for gone in PLANNED
        ),
        json.dumps(GOOD | {"planned": PLANNED | {"status": "Maybe"}}),
        json.dumps(GOOD | {"planned": PLANNED | {"record": []}}),
        json.dumps(GOOD | {"planned": PLANNED | {"launch": {"memory_fraction": "0.9"}}}),
    ],
)
def test_garbage_is_as_if_nothing_was_frozen(text: str) -> None:
    assert thaw(annotated(text)) is None


@pytest.mark.parametrize("deployment", [None, {}, {"metadata": {}}, {"metadata": {"annotations": None}}])
def test_a_deployment_without_it(deployment: dict[str, Any] | None) -> None:
    assert thaw(deployment) is None


@settings(deadline=None)
@given(st.text())
def test_no_text_raises(text: str) -> None:
    thaw(annotated(text))


@pytest.mark.parametrize(
    "pods", ["garbage", "e30=", packed({}), packed({"spec": 7}), packed({"spec": {"containers": []}}), "eJw="]
)
def test_a_damaged_template_is_as_if_nothing_was_frozen(pods: str) -> None:
    assert thaw(annotated(json.dumps(GOOD), pods)) is None
