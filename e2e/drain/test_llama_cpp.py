"""llama.cpp: pods go for every reason, and the operator goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from e2e.conftest import Space
from e2e.drain.asked import asking
from e2e.drain.causes import NAME, every_cause, evict, settled, update
from e2e.install.client import Client
from e2e.install.processes import kill, leader
from e2e.install.stage import SYSTEM, Stage
from e2e.resources import apply, small

pytestmark = pytest.mark.timeout(900)

PATIENCE_S = 240
TOKENS = 24
DOWN_S = 120
LAST = {"Connection": "close"}
"""llama-server closes the connection after a stream and says so nowhere: whoever sends on it at once runs into that,
drain or no drain. So a stream goes over a connection of the pool, and is the last on it."""


def served(space: Space, replicas: int) -> str:
    """The URL of a new model, once it answers."""
    space.platform.image("llama-cpp")
    apply(space, small(NAME, replicas=replicas, maxNumSeqs=6, rollout={"maxSurge": 1}))
    settled(space, replicas, set(), 180)
    return str(space.wait_ready(NAME, timeout_s=60)["url"])


def test_no_request_is_lost_when_pods_go(space: Space, application: Client) -> None:
    url = served(space, 2)
    with asking(application, url, TOKENS, LAST) as story:
        every_cause(space, story, PATIENCE_S)
        # The only pod, replaced without a gap.
        update(space, 1, PATIENCE_S)
        story.note("updated")


def test_no_request_is_lost_while_the_operator_is_away(space: Space, application: Client) -> None:
    url = served(space, 2)
    with asking(application, url, TOKENS, LAST) as story, without_operator(space.platform):
        back = time.monotonic() + DOWN_S
        story.note("the operator was killed")
        evict(space, PATIENCE_S)
        story.note("evicted")
        time.sleep(max(0.0, back - time.monotonic()))
        story.note("the operator comes back")


@contextmanager
def without_operator(stage: Stage) -> Iterator[None]:
    """Its leader dies at once, the others leave, and none comes back before the block ends."""
    operator = ("-n", SYSTEM, "scale", "deployment/modelberth")
    wanted = stage.kubectl.json("-n", SYSTEM, "get", "deployment", "modelberth")["spec"]["replicas"]
    kill(stage, leader(stage))
    stage.kubectl(*operator, "--replicas=0")
    try:
        yield
    finally:
        stage.kubectl(*operator, f"--replicas={wanted}")
        stage.kubectl("-n", SYSTEM, "rollout", "status", "deployment/modelberth", "--timeout=120s")
