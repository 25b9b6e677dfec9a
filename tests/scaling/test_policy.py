"""The policy, rule by rule."""

from dataclasses import replace

import pytest

from modelberth.scaling.memory import GAP_S, SERVICE_S
from modelberth.scaling.policy import MISSING_S, Bounds
from tests.scaling.clock import BOUNDS, TICK_S, Model

ZERO = replace(BOUNDS, min_replicas=0)


@pytest.mark.parametrize(("load", "replicas"), [(0, 1), (1, 1), (8, 1), (9, 2), (16, 2), (17, 3), (40, 5)])
def test_as_many_as_the_load_needs(load: int, replicas: int) -> None:
    assert Model().look(load).replicas == replicas


@pytest.mark.parametrize(("bounds", "replicas"), [((3, 5), 3), ((0, 1), 1), ((20, 20), 20)])
def test_bounds_rule_at_once(bounds: tuple[int, int], replicas: int) -> None:
    model = Model(replace(BOUNDS, min_replicas=bounds[0], max_replicas=bounds[1]), replicas=2)
    decision = model.look()
    assert (decision.replicas, decision.reason) == (replicas, "BoundsChanged")


def test_up_at_most_doubles_or_four_more_within_15_seconds() -> None:
    model = Model(replace(BOUNDS, max_replicas=100))
    asked = [model.look(10_000).replicas for _ in range(8)]
    assert asked == [5, 5, 10, 10, 20, 20, 40, 40]


def test_a_load_beyond_the_most_is_told_until_it_has_been_away_for_the_delay() -> None:
    model = Model(replace(BOUNDS, max_replicas=2))
    assert model.look(100).reason == "LoadIncreased"
    assert {
        model.look(100).reason,
        model.looks(0, 60).reason,
        model.looks(10, 60).reason,
        model.looks(0, 100).reason,
    } == {"AtMaximum"}
    assert model.looks(0, 400).reason == "LoadDecreased"


def test_down_only_to_the_most_of_the_delay() -> None:
    model = Model(replicas=5)
    model.looks(40, 310)
    model.looks(20, 100)
    assert model.looks(1, 190).replicas == 5
    assert model.look(1).replicas == 3
    assert model.looks(1, 90).replicas == 3
    assert model.looks(1, 20).replicas == 1
    assert model.decisions[-1].message == "No more was needed for 300 s."


def test_a_new_operator_waits_for_the_whole_delay() -> None:
    model = Model(replicas=5)
    assert model.looks(0, 300).replicas == 5
    assert model.looks(0, 20).replicas == 1


def test_a_gap_is_a_new_beginning() -> None:
    model = Model(replicas=5)
    model.looks(0, 290)
    model.look(0, seconds=GAP_S + 1)
    assert model.looks(0, 290).replicas == 5
    assert model.looks(0, 20).replicas == 1


def test_missing_metrics_never_take_away_and_may_add() -> None:
    model = Model(replicas=2)
    model.looks(16, 400)
    decision = model.looks(0, 2000, complete=False)
    assert (decision.replicas, decision.reason) == (2, "MetricsMissing")
    assert model.look(40, complete=False).replicas == 5
    assert model.look(0).reason == "LoadIncreased"
    assert model.looks(0, 280).replicas == 5
    assert model.looks(0, 30).replicas == 1


def test_one_missed_look_is_not_told() -> None:
    model = Model()
    model.look()
    steady = model.look()
    assert model.look(complete=False) == steady
    assert model.look(seconds=MISSING_S / 2, complete=False) == steady


def test_waiting_requests_ask_for_one_more_when_they_wait_in_two_looks() -> None:
    model = Model(start_s=20)
    few = {"running": 2, "waiting": 1}
    assert model.look(**few).replicas == 1
    assert model.look(**few).replicas == 2
    # Nothing more until the new one has been there for a while.
    assert model.looks(0, 20 + SERVICE_S - 2 * TICK_S, **few).replicas == 2
    assert model.looks(0, 2 * TICK_S, **few).replicas == 3


def test_a_full_cache_with_waiting_requests_asks_at_once() -> None:
    assert Model().look(running=2, waiting=1, kv_usage=0.95).replicas == 2
    assert Model().look(running=2, waiting=1, kv_usage=0.94).replicas == 1
    assert Model().look(running=2, kv_usage=1.0).replicas == 1


@pytest.mark.parametrize("fields", [{"waiting": 1, "running": 1}, {"kv_usage": 0.9, "running": 1}])
def test_nothing_is_taken_from_who_is_busy(fields: dict[str, float]) -> None:
    model = Model(replicas=3)
    assert model.looks(0, 2000, **fields).replicas >= 3


def test_nothing_is_taken_while_requests_are_held() -> None:
    """A new operator finds five replicas that start for long, and did not see the requests arrive."""
    model = Model(replicas=5)
    assert model.looks(0, 400, ready=0, held=40).replicas == 5


def test_the_memory_stays_small() -> None:
    model = Model(ZERO, replicas=0)
    for step in range(2000):
        model.look(step % 50, seconds=0.05)
    memory = model.memory
    assert max(map(len, (memory.loads, memory.asked, memory.needs))) <= SERVICE_S + 2


def test_no_place_is_told_and_not_retried_upward() -> None:
    model = Model(replicas=2, start_s=1e9)
    model.look(16)
    model.coming = [model.now_s + 1e9]
    decision = model.look(80, unschedulable=True)
    assert (decision.replicas, decision.reason) == (2, "Unschedulable")
    assert model.looks(800, 300, unschedulable=True) == decision
    assert model.look(80).replicas > 2


def test_zero_after_idleness_and_back_with_the_first_request() -> None:
    model = Model(ZERO, replicas=3)
    model.look(1)
    assert model.looks(0, 590).replicas == 1
    decision = model.look(0)
    assert (decision.replicas, decision.reason) == (0, "Idle")
    assert model.looks(0, 5000) == decision
    woken = model.look(1, seconds=0.05)
    assert (woken.replicas, woken.reason) == (1, "Woken")
    assert woken.message == "1 request for 0 pods; one is meant for 8."


@pytest.mark.parametrize("fields", [{"active": True}, {"complete": False}, {"held": 1}, {"running": 1}, {"waiting": 1}])
def test_not_to_zero(fields: dict[str, int]) -> None:
    model = Model(ZERO)
    model.looks(0, 300)
    model.look(**fields)
    assert model.looks(0, 590).replicas == 1
    assert model.looks(0, 10).replicas == 0


def test_without_a_delay_only_what_is_known_is_idle() -> None:
    hasty = replace(ZERO, idle_before_zero_s=0)
    assert Model(hasty).look(complete=False).replicas == 1
    assert Model(hasty).look(1).replicas == 1
    assert Model(hasty).look().replicas == 0


def test_a_new_operator_waits_with_zero_and_stays_there() -> None:
    model = Model(ZERO)
    assert model.looks(0, 600).replicas == 1
    assert model.look(0).replicas == 0
    assert Model(ZERO, replicas=0).looks(0, 2000).replicas == 0


def test_a_burst_at_zero_is_sized_at_once() -> None:
    model = Model(ZERO, replicas=0, start_s=80)
    model.look(0)
    model.look(1, seconds=0.05)
    for _ in range(5):
        model.look(50, seconds=0.05)
    assert model.looks(50, 30).replicas == 7


def test_a_backlog_of_a_slow_start_is_no_reason_for_more() -> None:
    """Two requests per second of ten seconds each need 3 replicas; 80 s of them would need 20."""
    model = Model(ZERO, replicas=0, start_s=80)
    model.look(0)
    asked = [model.look(2 * second).replicas for second in range(10, 90, 10)]
    assert asked[-1] <= 2 * SERVICE_S / 8 + 1
    assert Model().look(160).replicas == 5, "without a start that lasts, all of it counts"


def test_a_load_that_rises_while_replicas_are_coming_still_counts() -> None:
    model = Model(start_s=300)
    model.looks(8, 60)
    model.look(16)
    assert model.replicas == 2
    assert model.looks(100, 60).replicas >= 10


def test_nothing_changes_between_changes() -> None:
    model = Model(replicas=1)
    model.looks(20, 60)
    decisions = {model.look(load).message for load in (17, 24, 20, 19, 18, 23) * 5}
    assert decisions == {"20 requests for 1 pod; one is meant for 8."}


def test_a_change_of_the_least_and_the_most() -> None:
    model = Model()
    model.look()
    model.bounds = Bounds(4, 20, 8, 300, 600)
    assert model.look().message == "1 pod, outside of minReplicas and maxReplicas."
    model.bounds = Bounds(1, 2, 8, 300, 600)
    assert model.look().replicas == 2
