"""ModelDeployments that scale quickly, and the way to zero."""

from typing import Any

from e2e.command import wait_until
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.resources import apply, small

NAME = "model"
QUESTION = "What is the capital of France?"
IDLE = "3s"
"""Short, as somebody waits for the test; the operator looks every 2 s."""
ZERO_S = 60
"""Until an idle model is gone: idle, the slice in and propagated, drained."""
SETTLED_S = 60
"""Until a model that woke up is served by its pods alone."""


def scaled(autoscaling: dict[str, Any], name: str = NAME, **spec: Any) -> dict[str, Any]:
    """llama.cpp with SmolLM2 that scales by itself."""
    return small(name, autoscaling={"scaleDownDelay": "10s", "idleBeforeZero": IDLE, **autoscaling}, **spec)


def served(space: Space, client: Client, autoscaling: dict[str, Any], name: str = NAME) -> str:
    """The URL of a new model that has answered."""
    space.platform.image("llama-cpp")
    apply(space, scaled(autoscaling, name))
    url: str = space.wait_ready(name, timeout_s=180)["url"]
    # Asked until kube-proxy knows the Service: what is counted afterwards starts on a Service that works.
    client.ask(url, name, QUESTION)
    return url


def pods(space: Space) -> list[dict[str, Any]]:
    """Pods of the model, those on their way out too."""
    items: list[dict[str, Any]] = space.json("get", "pods", "-l", f"modelberth.dev/modeldeployment={NAME}")["items"]
    return items


def replicas(space: Space) -> int:
    """Pods that the Deployment is told to have."""
    return int(space.json("get", "deployment", NAME)["spec"]["replicas"])


def wait_asleep(space: Space) -> None:
    """Returns once the model is at zero and its last pod is gone."""
    space.wait_reason(NAME, "ScaledToZero", ZERO_S)
    wait_until("no pod is left", lambda: not pods(space), ZERO_S)


def asleep(space: Space, client: Client) -> str:
    """The URL of a model at zero that stays awake once it is woken up."""
    url = served(space, client, {"minReplicas": 0})
    wait_asleep(space)
    keep_awake(space)
    return url


def keep_awake(space: Space) -> None:
    """From its next request on the model stays, so that a test can wait for what comes then."""
    awake = '{"spec": {"autoscaling": {"idleBeforeZero": "10m"}}}'
    space.kubectl("patch", "mdep", NAME, "--type=merge", "-p", awake)


def has_door(space: Space) -> bool:
    """Whether the Service leads to the activator too."""
    return bool(space.kubectl("get", "endpointslice", f"{NAME}-activator", "--ignore-not-found"))


def wait_direct(space: Space) -> None:
    """Returns once pods serve and the Service leads to nobody else."""
    space.wait_reason(NAME, "Serving", SETTLED_S)
    wait_until("the activator's slice is gone", lambda: not has_door(space), SETTLED_S)
