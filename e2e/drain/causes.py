"""Why pods go: a new revision, fewer replicas, an eviction. Each returns when it is over."""

import json
import time
from typing import Any

import pytest

from e2e.command import CommandError, wait_until
from e2e.conftest import Space

NAME = "model"
SELECTOR = f"modelberth.dev/modeldeployment={NAME}"


def pods(space: Space) -> list[dict[str, Any]]:
    """All of the model, those on their way out too."""
    items: list[dict[str, Any]] = space.json("get", "pods", "-l", SELECTOR)["items"]
    return items


def answering(pod: dict[str, Any]) -> bool:
    """Whether the pod is ready and stays."""
    ready = [one for one in pod["status"].get("conditions", []) if one["type"] == "Ready"]
    return "deletionTimestamp" not in pod["metadata"] and bool(ready) and ready[0]["status"] == "True"


def settled(space: Space, replicas: int, without: set[str], timeout_s: float) -> set[str]:
    """Uids of the pods once there are so many, all answer, and none of ``without`` is left."""

    def look() -> set[str] | None:
        there = pods(space)
        uids = {pod["metadata"]["uid"] for pod in there}
        done = len(there) == replicas and all(map(answering, there)) and not uids & without
        return uids if done else None

    return wait_until(f"{replicas} pods answer, and none is left of those before", look, timeout_s)


def patch(space: Space, spec: dict[str, Any]) -> None:
    """Changes fields of the spec."""
    space.kubectl("patch", "mdep", NAME, "--type=merge", "-p", json.dumps({"spec": spec}))


class Story:
    """What happened when, in seconds since it began."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.steps: list[str] = []

    def note(self, what: str) -> None:
        self.steps.append(f"{what} {time.monotonic() - self.began:.0f} s")

    def __str__(self) -> str:
        return ", ".join(self.steps)


def every_cause(space: Space, story: Story, timeout_s: float) -> None:
    """From two replicas to one, by way of an eviction, a new revision and a scale-down; a timeout for each."""
    evict(space, timeout_s)
    story.note("evicted")
    # Not first replaced by a pod that goes at once: engines of gigabytes take minutes to start.
    update(space, 2, timeout_s)
    story.note("updated")
    scale(space, 1, timeout_s)
    story.note("scaled down")


def update(space: Space, replicas: int, timeout_s: float) -> None:
    """Every pod is replaced by one of a new revision."""
    before = {pod["metadata"]["uid"] for pod in pods(space)}
    engine = space.json("get", "mdep", NAME)["spec"]["engine"]
    env = [{"name": "REVISION_OF_THE_TEST", "value": str(replicas)}]
    patch(space, {"engine": {**engine, "env": env}})
    settled(space, replicas, before, timeout_s)


def scale(space: Space, replicas: int, timeout_s: float) -> None:
    """More or fewer pods."""
    space.kubectl("scale", "mdep", NAME, f"--replicas={replicas}")
    settled(space, replicas, set(), timeout_s)


def evict(space: Space, timeout_s: float) -> None:
    """One pod of two is evicted, as a node drain does it, and gone; meanwhile the budget refuses to take the other."""
    first, second, *_ = pods(space)
    _evict(space, first)
    with pytest.raises(CommandError, match="disruption budget"):
        _evict(space, second)
    uid = first["metadata"]["uid"]
    wait_until("it is gone", lambda: uid not in {pod["metadata"]["uid"] for pod in pods(space)}, timeout_s)


def _evict(space: Space, pod: dict[str, Any]) -> None:
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": space.name}}
    path = f"/api/v1/namespaces/{space.name}/pods/{name}/eviction"
    space.platform.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
