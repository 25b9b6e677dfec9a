"""Facts are frozen in the Deployment and come back as they were, or not at all."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelberth.manifests.children import children
from modelberth.manifests.facts import Facts, freeze, frozen_text, thaw
from modelberth.manifests.names import FROZEN
from modelberth.manifests.settings import FetcherSettings, Settings
from tests.manifests.specs import COMMIT, deployment_of, resource


def annotated(text: Any) -> dict[str, Any]:
    return {"metadata": {"annotations": {FROZEN: text}}}


@settings(deadline=None)
@given(st.none() | st.text("0123456789abcdef", min_size=40, max_size=40), st.none() | st.integers(min_value=1))
def test_what_is_frozen_thaws(commit: str | None, kv_bytes: int | None) -> None:
    frozen = freeze(deployment_of(resource()), Facts(commit, kv_bytes))
    assert thaw(annotated(frozen_text(frozen))) == frozen


def test_the_deployment_carries_it() -> None:
    md = deployment_of(resource())
    facts = Facts(COMMIT, 1024, "example.com/operator:1")
    assert thaw(children(md, facts, Settings())[0]) == freeze(md, facts)


def test_a_newer_operator_image_does_not_change_the_pods_of_an_unchanged_spec() -> None:
    md = deployment_of(resource())
    old, new = (Settings(fetcher=FetcherSettings(image=f"example.com/operator:{version}")) for version in (1, 2))
    before = children(md, Facts(COMMIT), old)
    frozen = thaw(before[0])
    assert frozen is not None
    assert children(md, frozen.facts, new) == before
    assert children(md, Facts(COMMIT), new) != before


GOOD: dict[str, Any] = {"inputs": "a", "model": "b", "commit": None, "kvBytesPerToken": None, "fetcherImage": None}


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
        json.dumps(GOOD | {"kvBytesPerToken": "1024"}),
        json.dumps(GOOD | {"kvBytesPerToken": 1.5}),
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
    before, after = (freeze(deployment_of(resource(each)), Facts()) for each in ({}, spec))
    assert (after.inputs != before.inputs) is new_inputs
    assert (after.model != before.model) is new_model


def test_metadata_and_status_are_no_reason() -> None:
    other = copy.deepcopy(resource())
    other["metadata"] |= {"generation": 9, "labels": {"a": "b"}}
    other["status"] = {"replicas": 3}
    assert freeze(deployment_of(other), Facts()) == freeze(deployment_of(resource()), Facts())
