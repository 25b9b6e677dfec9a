"""A revision that fails never takes the last working pod along, and the status says both."""

import pytest

from e2e.autoscaling.history import READY_REASON, history
from e2e.command import wait_until
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.load.generator import Load
from e2e.load.running import running
from e2e.rollouts.models import BROKEN, NAME, change, pods, serve, status, wait_serving

pytestmark = pytest.mark.timeout(600)


def steady(url: str) -> Load:
    return Load([url], NAME, gaps_s=(0.5, 1.0), max_tokens=2)


@pytest.mark.parametrize("rollout", [{"maxSurge": 1}, {"maxUnavailable": 2}], ids=["surge", "two-replicas"])
def test_a_failing_revision_is_held(space: Space, client: Client, rollout: dict[str, int]) -> None:
    url = serve(space, client, rollout=rollout, replicas=1 if "maxSurge" in rollout else 2)
    before = pods(space)
    with running(client, steady(url)) as load:
        change(space, **BROKEN)
        ready = space.wait_reason(NAME, "EngineArgsRejected", 60)
        assert ready["status"] == "True", "the old pod answers"
        assert "--no-such-flag" in ready["message"]
        assert space.condition(NAME, "Stalled")["status"] == "True"
        assert before & pods(space), "one of the old pods stays"
        change(space, engine={"type": "LlamaCpp", "args": ["--threads", "1"]}, maxModelLen=768)
        wait_serving(space)
        results = load.results()
    assert results.failures == []


def test_a_failing_revision_is_rolled_back_where_the_spec_wants_that(space: Space, client: Client) -> None:
    url = serve(space, client, rollout={"maxSurge": 1, "onFailure": "Rollback"})
    before = pods(space)
    with running(client, steady(url)) as load:
        change(space, **BROKEN)
        wait_until("it is rolled back", lambda: status(space).get("rollout", {}).get("rolledBack"), 60)
        wait_until("only the old pod is left", lambda: pods(space) == before, 60)
        ready = space.condition(NAME, "Ready")
        assert (ready["status"], ready["reason"]) == ("True", "EngineArgsRejected")
        assert "the pods are those of the one before" in ready["message"]
        assert "--no-such-flag" in ready["message"]
        change(space, engine={"type": "LlamaCpp", "args": ["--threads", "1"]}, maxModelLen=768)
        wait_serving(space)
        assert not before & pods(space)
        results = load.results()
    assert "rollout" not in status(space)
    assert results.failures == []


def test_the_gap_of_one_replica_is_announced(space: Space, client: Client) -> None:
    serve(space, client)
    with history(space, f"mdep/{NAME}", READY_REASON) as reasons:
        change(space, maxModelLen=768)
        wait_serving(space)
    assert "Updating" in reasons.values
    assert "Starting" not in reasons.values
