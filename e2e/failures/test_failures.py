"""What cannot work says so, stays where it is, and harms nobody else."""

import json
import time
from typing import Any

import pytest

from e2e.command import CommandError
from e2e.conftest import Space
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
    assert "spec.weights" in refusal(space, small("model", weights={"cache": {}}))
    assert "spec.replicas" in refusal(space, small("model", autoscaling={"maxReplicas": 3}, replicas=2))
    assert "spec.autoscaling" in refusal(space, small("model", autoscaling={"minReplicas": 3, "maxReplicas": 2}))


def test_an_unusable_image_ends_with_a_stable_reason(space: Space) -> None:
    apply(space, small("model", engine={"type": "LlamaCpp", "image": "127.0.0.1:1/nobody/nothing:b1"}))
    ready = space.wait_reason("model", "ImagePullFailed", 90)
    assert ready["status"] == "False"
    assert "127.0.0.1:1/nobody/nothing:b1" in ready["message"]
    assert space.condition("model", "Stalled")["status"] == "True"
    version = space.json("get", "mdep", "model")["metadata"]["resourceVersion"]
    time.sleep(45)  # the kubelet alternates between ErrImagePull and ImagePullBackOff meanwhile
    assert space.json("get", "mdep", "model")["metadata"]["resourceVersion"] == version
    events = space.json(
        "get", "events", "--field-selector", "reason=ImagePullFailed,involvedObject.kind=ModelDeployment"
    )
    assert len(events["items"]) == 1


def test_a_model_that_does_not_exist_starts_nothing(space: Space) -> None:
    apply(space, small("model", model={"uri": "hf://modelberth/no-such-model"}))
    ready = space.wait_reason("model", "ModelNotFound", 60)
    assert "no-such-model" in ready["message"]
    assert not space.json("get", "deployments")["items"]


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


def test_an_engine_that_ends_at_once_is_a_crash_loop_with_its_last_words(space: Space) -> None:
    space.platform.image("llama-cpp")
    apply(space, small("model", engine={"type": "LlamaCpp", "args": ["--no-such-flag-at-all"]}))
    ready = space.wait_reason("model", "CrashLoop", 120)
    assert "no-such-flag-at-all" in ready["message"]
