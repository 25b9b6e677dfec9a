"""Replicas follow the load, and none of its requests notices."""

from typing import Any

import pytest

from e2e.autoscaling.history import history
from e2e.autoscaling.models import NAME, pods, replicas, served
from e2e.command import wait_until
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.load.generator import Load
from e2e.load.running import running


@pytest.mark.timeout(600)
def test_load_raises_replicas_and_its_end_lowers_them(space: Space, client: Client) -> None:
    url = served(space, client, {"minReplicas": 1, "maxReplicas": 3, "targetConcurrency": 1})
    trickle = Load([url], NAME, gaps_s=(1.0, 1.0), max_tokens=1)
    with history(space, f"deployment/{NAME}", "{.spec.replicas}") as asked, running(client, trickle) as steady:
        with running(client, Load([url], NAME, concurrency=6, max_tokens=16)) as load:
            wait_until("three pods answer", lambda: status(space).get("readyReplicas") == 3, 120)
            up = status(space)["autoscaling"]
            heavy = load.results()
        wait_until("one pod is left", lambda: len(pods(space)) == 1, 180)
        light = steady.results()
    print(f"load: {heavy.told()}\ntrickle: {light.told()}\nreplicas: {asked.values}")
    assert heavy.failures == []
    assert light.failures == []
    # Up in a step or two, and down after the last step up: a number that comes and goes is no decision.
    steps = [int(value) for value in asked.values]
    assert (steps[0], max(steps), steps[-1]) == (1, 3, 1)
    top = steps.index(3)
    assert steps == sorted(steps[: top + 1]) + sorted(steps[top + 1 :], reverse=True)

    assert (up["currentReplicas"], up["desiredReplicas"]) == (3, 3)
    assert (up["targetConcurrency"], up["targetFrom"]) == (1, "Spec")
    assert up["reason"]
    assert up["message"]
    down = status(space)["autoscaling"]
    assert (down["currentReplicas"], down["desiredReplicas"]) == (1, 1)
    assert down["lastScaleTime"] > up["lastScaleTime"]
    assert replicas(space) == 1
    events = space.json("get", "events.events.k8s.io")["items"]
    told = [event for event in events if event["regarding"]["kind"] == "ModelDeployment" and "Scal" in event["reason"]]
    print("\n".join(f"{event['reason']}: {event['note']}" for event in told))
    assert len(told) >= 2, "one Event or more for the way up, one or more for the way down"


def status(space: Space) -> dict[str, Any]:
    found: dict[str, Any] = space.json("get", "mdep", NAME)["status"]
    return found
