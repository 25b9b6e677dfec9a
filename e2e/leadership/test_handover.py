"""Two operators run and one leads: when it dies the other takes over, and no child notices."""

import time

import pytest

from e2e.conftest import Space
from e2e.install.processes import kill, leader
from e2e.resources import apply, small

HANDOVER_S = 20


def children(space: Space) -> dict[str, str]:
    """resourceVersion by child."""
    items = space.json("get", "deployments,services,mdep")["items"]
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in items}


@pytest.mark.timeout(300)
def test_killing_the_leader_hands_over_and_changes_nothing(space: Space) -> None:
    platform = space.platform
    platform.image("llama-cpp")
    apply(space, small("model"))
    space.wait_ready("model", timeout_s=180)
    before, first = children(space), leader(platform)
    kill(platform, first)
    started = time.monotonic()
    apply(space, small("second", replicas=0, model={"uri": "pvc://weights/model.gguf"}))
    # The killed container may be back before the lease runs out; then it leads again, and no sooner work goes on.
    space.wait_reason("second", "ScaledToZero", HANDOVER_S)
    print(f"work goes on after {time.monotonic() - started:.1f} s: {first} led, {leader(platform)} leads")
    after = children(space)
    assert {name: version for name, version in after.items() if name in before} == before
