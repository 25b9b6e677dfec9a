"""ModelDeployments whose pods are replaced."""

import json
from typing import Any

from e2e.command import wait_until
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.resources import apply, small

NAME = "model"
QUESTION = "What is the capital of France?"
BROKEN: dict[str, Any] = {"engine": {"type": "LlamaCpp", "args": ["--threads", "1", "--no-such-flag"]}}
"""A revision that ends as soon as it is started."""


def serve(space: Space, client: Client, name: str = NAME, **spec: Any) -> str:
    """The URL of a new model that has answered."""
    space.platform.image("llama-cpp")
    apply(space, small(name, **spec))
    url: str = space.wait_ready(name, timeout_s=180)["url"]
    client.ask(url, name, QUESTION)
    return url


def change(space: Space, name: str = NAME, **spec: Any) -> None:
    """What a person changes in the spec."""
    space.kubectl("patch", "mdep", name, "--type=merge", "-p", json.dumps({"spec": spec}))


def status(space: Space, name: str = NAME) -> dict[str, Any]:
    found: dict[str, Any] = space.json("get", "mdep", name).get("status", {})
    return found


def pods(space: Space, name: str = NAME) -> set[str]:
    """uids of the pods that are not on their way out."""
    items = space.json("get", "pods", "-l", f"modelberth.dev/modeldeployment={name}")["items"]
    return {pod["metadata"]["uid"] for pod in items if "deletionTimestamp" not in pod["metadata"]}


def wait_serving(space: Space, name: str = NAME, timeout_s: float = 120) -> None:
    """Returns once the newest spec serves."""

    def current() -> bool:
        resource = space.json("get", "mdep", name)
        ready = space.condition(name, "Ready")
        seen = ready.get("observedGeneration") == resource["metadata"]["generation"]
        return bool(seen and ready.get("reason") == "Serving")

    wait_until(f"{name}: the newest spec serves", current, timeout_s)
