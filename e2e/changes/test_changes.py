"""What happens to pods and children when a spec changes or goes."""

import json
from typing import Any

import pytest

from e2e.command import wait_until
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.resources import apply, small

pytestmark = pytest.mark.timeout(600)

CHILDREN = "deployment,replicaset,service,poddisruptionbudget,configmap,pod,endpointslice"


@pytest.fixture
def served(space: Space) -> Space:
    space.platform.image("llama-cpp")
    apply(space, small("model"))
    space.wait_ready("model", timeout_s=180)
    return space


def pods(space: Space) -> dict[str, Any]:
    """Pods that are not on their way out, by uid."""
    items = space.json("get", "pods", "-l", "modelberth.dev/modeldeployment=model")["items"]
    return {pod["metadata"]["uid"]: pod for pod in items if "deletionTimestamp" not in pod["metadata"]}


def revisions(space: Space) -> int:
    """How many pod templates the Deployment has had."""
    return len(space.json("get", "replicasets", "-l", "modelberth.dev/modeldeployment=model")["items"])


def test_a_new_context_length_rolls_the_pods_once(served: Space) -> None:
    before = set(pods(served))
    served.kubectl("patch", "mdep", "model", "--type=merge", "-p", '{"spec": {"maxModelLen": 768}}')

    def replaced() -> bool:
        status = served.json("get", "mdep", "model")
        ready = served.condition("model", "Ready")
        current = ready.get("observedGeneration") == status["metadata"]["generation"]
        return bool(current and ready.get("reason") == "Serving" and not before & set(pods(served)))

    wait_until("the pod was replaced and answers", replaced, 180)
    assert revisions(served) == 2
    args = next(iter(pods(served).values()))["spec"]["containers"][0]["args"]
    assert "768" in args


def test_scale_changes_replicas_and_rolls_nothing(served: Space) -> None:
    before = set(pods(served))
    served.kubectl("scale", "modeldeployment", "model", "--replicas=2")
    wait_until("two pods answer", lambda: served.json("get", "mdep", "model")["status"].get("readyReplicas") == 2, 180)
    assert before <= set(pods(served))
    assert revisions(served) == 1
    assert served.json("get", "poddisruptionbudget", "model")["spec"]["maxUnavailable"] == 1
    path = f"/apis/modelberth.dev/v1alpha1/namespaces/{served.name}/modeldeployments/model/scale"
    scale = json.loads(served.kubectl("get", "--raw", path))
    assert scale["status"]["replicas"] == 2
    assert "modelberth.dev/modeldeployment=model" in scale["status"]["selector"]
    served.kubectl("scale", "modeldeployment", "model", "--replicas=0")
    served.wait_reason("model", "ScaledToZero", 60)
    assert served.condition("model", "Ready")["status"] == "True"
    served.kubectl("wait", "--for=delete", "poddisruptionbudget/model", "--timeout=30s")


def test_deleting_leaves_nothing(served: Space) -> None:
    served.kubectl("delete", "mdep", "model", "--wait")

    def gone() -> bool:
        items = served.json("get", CHILDREN)["items"]
        return not [item for item in items if item["metadata"]["name"] != "kube-root-ca.crt"]

    wait_until("every child is gone", gone, 90)


def test_a_child_edited_by_hand_is_put_back(served: Space) -> None:
    served.kubectl("scale", "deployment", "model", "--replicas=3")
    wait_until(
        "the Deployment has 1 replica again",
        lambda: served.json("get", "deployment", "model")["spec"]["replicas"] == 1,
        30,
    )
    served.kubectl("delete", "service", "model")
    wait_until("the Service is back", lambda: served.kubectl("get", "service", "model", "--ignore-not-found"), 30)


def test_an_api_key_guards_the_endpoint(space: Space, client: Client) -> None:
    space.platform.image("llama-cpp")
    space.kubectl("create", "secret", "generic", "keys", "--from-literal=api-key=open-sesame")
    apply(space, small("model", apiKeySecretRef={"name": "keys"}))
    url = space.wait_ready("model", timeout_s=180)["url"]
    key = {"Authorization": "Bearer open-sesame"}
    assert "Paris" in client.ask(url, "model", "What is the capital of France?", key)
    status, _ = client.request(
        f"{url}/chat/completions", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    )
    assert status == 401
    assert "open-sesame" not in space.kubectl("get", "pods,deployments,mdep", "-o", "yaml")
