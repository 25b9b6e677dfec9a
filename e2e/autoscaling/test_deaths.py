"""Whoever dies while requests are held: what is held is answered, but for what the dead one held itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from e2e.autoscaling.activators import Activators
from e2e.autoscaling.history import READY_REASON, history
from e2e.autoscaling.models import NAME, asleep, wait_direct
from e2e.command import wait_until
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.install.processes import kill, leader
from e2e.install.stage import SYSTEM
from e2e.load.generator import Load
from e2e.load.running import Running, running, sent

pytestmark = pytest.mark.timeout(400)

BURST = 50


@contextmanager
def waking(space: Space, client: Client) -> Iterator[Running]:
    """A burst at zero, from the moment on that the operator is waking the model."""
    url = asleep(space, client)
    load = Load([url], NAME, concurrency=BURST, total=BURST)
    with history(space, f"mdep/{NAME}", READY_REASON) as reasons, running(client, load) as burst:
        wait_until("the model is waking", lambda: "Waking" in reasons.values, 30, every_s=0.02)
        yield burst


def test_a_leader_that_died_before_the_burst(space: Space, client: Client) -> None:
    url = asleep(space, client)
    kill(space.platform, leader(space.platform))
    results = sent(client, Load([url], NAME, concurrency=BURST, total=BURST))
    print(results.told())
    assert results.outcomes == {"answered": BURST}
    wait_direct(space)


def test_a_leader_that_dies_during_the_wake(space: Space, client: Client) -> None:
    with waking(space, client) as burst:
        kill(space.platform, leader(space.platform))
        results = burst.results()
    print(results.told())
    assert results.outcomes == {"answered": BURST}
    wait_direct(space)


def test_what_is_held_needs_no_operator(space: Space, client: Client) -> None:
    kubectl = space.platform.kubectl
    operator = ("-n", SYSTEM, "scale", "deployment/modelberth")
    wanted = kubectl.json("-n", SYSTEM, "get", "deployment", "modelberth")["spec"]["replicas"]
    try:
        with waking(space, client) as burst:
            kubectl(*operator, "--replicas=0")
            results = burst.results()
    finally:
        kubectl(*operator, f"--replicas={wanted}")
        kubectl("-n", SYSTEM, "rollout", "status", "deployment/modelberth", "--timeout=120s")
    print(results.told())
    assert results.outcomes == {"answered": BURST}
    wait_direct(space)


def all_held(activators: Activators, space: Space) -> dict[str, float] | None:
    """What each activator holds, once that is the whole burst."""
    held = activators.each("held", namespace=space.name, name=NAME)
    return held if sum(held.values()) == BURST else None


def test_an_activator_that_dies_breaks_only_what_it_held(space: Space, client: Client) -> None:
    activators = Activators(space.platform)
    with waking(space, client) as burst:
        held = wait_until("the whole burst is held", lambda: all_held(activators, space), 10, every_s=0.02)
        victim = max(held, key=lambda pod: held[pod])
        kill(space.platform, victim)
        results = burst.results()
    print(f"held {held}, killed {victim}: {results.told()}")
    assert 0 < held[victim] < BURST
    assert 0 < len(results.failures) <= held[victim]
    assert all(failure.status is None for failure in results.failures), "broken connections, no answers that say so"
    wait_direct(space)


def test_activators_that_are_replaced_break_nothing(space: Space, client: Client) -> None:
    kubectl = space.platform.kubectl
    with waking(space, client) as burst:
        kubectl("-n", SYSTEM, "rollout", "restart", "deployment/modelberth-activator")
        results = burst.results()
    print(results.told())
    assert results.outcomes == {"answered": BURST}
    kubectl("-n", SYSTEM, "rollout", "status", "deployment/modelberth-activator", "--timeout=120s")
    wait_direct(space)
