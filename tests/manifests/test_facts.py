"""Facts are frozen in the Deployment and come back as they were, or not at all."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelberth.manifests.children import children
from modelberth.manifests.facts import Facts, Frozen, frozen_text, inputs_of, model_of, thaw
from modelberth.manifests.names import FROZEN
from modelberth.manifests.settings import FetcherSettings, Settings
from modelberth.planner.plan import Launch
from modelberth.planner.planned import Planned
from tests.manifests.specs import deployment_of, facts_of, resource


def annotated(text: Any) -> dict[str, Any]:
    return {"metadata": {"annotations": {FROZEN: text}}}


@settings(deadline=None)
@given(
    st.none() | st.text("0123456789abcdef", min_size=40, max_size=40),
    st.builds(Launch, st.floats(0.01, 1), st.integers(min_value=0), st.integers(min_value=0)),
    st.sampled_from(("True", "False", "Unknown")),
    st.text(),
)
def test_what_is_frozen_thaws(commit: str | None, launch: Launch, status: Any, message: str) -> None:
    md = deployment_of(resource())
    facts = Facts(Planned(status, "Fits", message, launch, {"fits": True, "perGpu": {"totalGiB": 1.5}}), commit)
    assert thaw(annotated(frozen_text(md, facts))) == Frozen(inputs_of(md), model_of(md), facts)


def test_the_deployment_carries_it() -> None:
    md = deployment_of(resource())
    facts = facts_of(image="example.com/operator:1")
    frozen = thaw(children(md, facts, Settings())[0])
    assert frozen is not None
    assert frozen.facts == facts
    assert frozen.inputs == inputs_of(md)


def test_a_newer_operator_image_does_not_change_the_pods_of_an_unchanged_spec() -> None:
    md = deployment_of(resource())
    old, new = (Settings(fetcher=FetcherSettings(image=f"example.com/operator:{version}")) for version in (1, 2))
    before = children(md, facts_of(), old)
    frozen = thaw(before[0])
    assert frozen is not None
    assert children(md, frozen.facts, new) == before
    assert children(md, facts_of(), new) != before


PLANNED: dict[str, Any] = {
    "status": "True",
    "reason": "Fits",
    "message": "",
    "record": {},
    "launch": {"memory_fraction": 0.9, "cpu_kv_bytes": 0, "cpu_kv_tokens": 0},
}
GOOD: dict[str, Any] = {"inputs": "a", "model": "b", "commit": None, "fetcher_image": None, "planned": PLANNED}


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
    ("spec", "new_inputs", "new_model"),
    [
        ({"replicas": 5}, False, False),
        ({"dtype": "auto"}, False, False),  # the default, written out
        ({"maxModelLen": 4096}, True, False),
        ({"podTemplate": {"metadata": {"labels": {"a": "b"}}}}, True, False),
        ({"model": {"uri": "hf://org/name@v2"}}, True, True),
        ({"model": {"uri": "hf://org/name", "secretRef": {"name": "a"}}}, True, True),
    ],
)
def test_what_makes_facts_be_looked_up_again(spec: dict[str, Any], new_inputs: bool, new_model: bool) -> None:
    before, after = (deployment_of(resource(each)) for each in ({}, spec))
    assert (inputs_of(after) != inputs_of(before)) is new_inputs
    assert (model_of(after) != model_of(before)) is new_model


def test_metadata_and_status_are_no_reason() -> None:
    other = copy.deepcopy(resource())
    other["metadata"] |= {"generation": 9, "labels": {"a": "b"}}
    other["status"] = {"replicas": 3}
    assert inputs_of(deployment_of(other)) == inputs_of(deployment_of(resource()))
