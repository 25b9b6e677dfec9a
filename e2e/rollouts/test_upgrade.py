"""A new version of the operator that would build other pods restarts nothing by itself."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.command import wait_until
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.install.stage import Stage
from e2e.load.generator import Load
from e2e.load.running import running
from e2e.rollouts.models import change, pods, serve, status, wait_serving
from e2e.rollouts.operators import VARIABLE, allow, run_next_version, run_this_version

NAMES = ("first", "second", "third")
SURGE = {"maxSurge": 1}


@pytest.fixture
def versions(platform: Stage) -> Iterator[Stage]:
    """The operator's versions come and go; afterwards it is this one."""
    yield platform
    run_this_version(platform)


def is_next(space: Space, name: str) -> bool:
    """Whether the Deployment was built by the next version."""
    template: Any = space.json("get", "deployment", name)["spec"]["template"]
    return VARIABLE in {variable["name"] for variable in template["spec"]["containers"][0]["env"]}


@pytest.mark.timeout(900)
def test_pods_stay_until_somebody_asks_and_then_go_one_model_at_a_time(
    space: Space, client: Client, versions: Stage
) -> None:
    urls = {name: serve(space, client, name, rollout=SURGE) for name in NAMES}
    before = {name: pods(space, name) for name in NAMES}
    load = Load([urls["third"]], "third", gaps_s=(0.5, 1.0), max_tokens=2)
    with running(client, load) as steady:
        run_next_version(versions)

        def told() -> bool:
            return all(status(space, name).get("rollout") == {"upgradeAvailable": True} for name in NAMES)

        wait_until("every status says that there are newer pods", told, 60)
        time.sleep(10)
        assert {name: pods(space, name) for name in NAMES} == before, "an upgrade restarts no model"

        change(space, "first", maxModelLen=768)
        wait_serving(space, "first")
        assert is_next(space, "first"), "a change of the spec brings the newer pods"

        space.kubectl("annotate", "mdep", "second", "modelberth.dev/upgrade=now")
        wait_until("the annotation brings them", lambda: is_next(space, "second"), 60)
        wait_serving(space, "second")
        assert not is_next(space, "third")

        run_this_version(versions)
        allow(versions, 1)
        # Now it is the first two that would be built differently: by this version, one after the other.
        moments: list[tuple[bool, ...]] = []

        def done() -> bool:
            moments.append(tuple(is_next(space, name) for name in NAMES))
            busy = [name for name in NAMES if len(pods(space, name)) > 1]
            assert len(busy) <= 1, f"{busy} are replaced at the same time"
            return not any(moments[-1])

        wait_until("all are of this version", done, 240)
        for name in NAMES:
            wait_serving(space, name)
        wait_until("no word of it is left", lambda: not any(status(space, name).get("rollout") for name in NAMES), 30)
        results = steady.results()
    assert pods(space, "third") == before["third"]
    assert results.failures == []
