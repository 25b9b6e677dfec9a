"""What cannot work says so, stays where it is, and harms nobody else. All reasons: test_gallery.py."""

import json
from typing import Any

import pytest

from e2e.command import CommandError
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.resources import apply, small

pytestmark = pytest.mark.timeout(600)


def refusal(space: Space, resource: dict[str, Any]) -> str:
    with pytest.raises(CommandError) as refused:
        apply(space, resource)
    return str(refused.value)


def test_kubectl_refuses_what_the_rules_refuse_and_says_what_to_do(space: Space) -> None:
    resource = small("model")
    resource["spec"]["engine"]["args"] = ["--ctx-size=4096"]
    assert "spec.maxModelLen" in refusal(space, resource)
    resource = small("model")
    del resource["spec"]["resources"]
    message = refusal(space, resource)
    assert "limits" in message
    assert "memory" in message
    assert "spec.weights" in refusal(space, small("model", weights={"cache": {"type": "HostPath"}}))
    assert "spec.replicas" in refusal(space, small("model", autoscaling={"maxReplicas": 3}, replicas=2))
    assert "spec.autoscaling" in refusal(space, small("model", autoscaling={"minReplicas": 3, "maxReplicas": 2}))


def test_a_foreign_service_of_the_same_name_survives(space: Space) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "model"},
        "spec": {"selector": {"app": "somebody-elses"}, "ports": [{"port": 1234}]},
    }
    space.kubectl("apply", "-f", "-", stdin=json.dumps(foreign))
    before = space.json("get", "service", "model")
    apply(space, small("model"))
    ready = space.wait_reason("model", "NameConflict", 60)
    assert "Service named model" in ready["message"]
    assert space.condition("model", "Stalled")["status"] == "True"
    assert space.json("get", "service", "model") == before
    assert not space.json("get", "deployments")["items"], "no half of the children was made"
    space.kubectl("delete", "mdep", "model", "--wait")
    assert space.json("get", "service", "model") == before


def test_an_older_revision_answers_while_the_newest_fails(space: Space, client: Client) -> None:
    space.platform.image("llama-cpp")
    good = small("model", rollout={"maxSurge": 1, "maxUnavailable": 0})
    apply(space, good)
    url = space.wait_ready("model", 180)["url"]
    bad = small("model", rollout=good["spec"]["rollout"], engine={"type": "LlamaCpp", "args": ["--no-such-flag"]})
    apply(space, bad)
    ready = space.wait_reason("model", "EngineArgsRejected", 120)
    assert ready["status"] == "True"
    assert ready["message"].startswith("The endpoint answers, but: ")
    assert "--no-such-flag" in ready["message"]
    assert space.condition("model", "Available")["status"] == "True"
    assert space.condition("model", "Stalled")["status"] == "True"
    assert "Paris" in client.ask(url, "model", "What is the capital of France?")
    apply(space, good)
    assert space.wait_reason("model", "Serving", 120)["status"] == "True"
