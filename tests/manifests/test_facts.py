"""What shapes pods, and what does not."""

import copy
from typing import Any

import pytest

from modelberth.manifests.facts import inputs_of, model_of
from tests.manifests.specs import deployment_of, resource


@pytest.mark.parametrize(
    ("spec", "new_inputs", "new_model"),
    [
        ({"replicas": 5}, False, False),
        ({"dtype": "auto"}, False, False),  # the default, written out
        ({"weights": {"prefetch": False, "cache": {"type": "None"}}}, False, False),
        ({"weights": {"cache": {"type": "HostPath", "hostPath": {"path": "/models"}}}}, True, False),
        ({"rollout": {"maxSurge": 1, "maxUnavailable": 0, "onFailure": "Rollback"}}, False, False),
        ({"rollout": {"maxSurge": 1, "drainTimeout": "10m"}}, True, False),
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
