"""What holds of the policy whatever the load does."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from modelberth.scaling.memory import RATE_WINDOW_S, SERVICE_S
from modelberth.scaling.policy import KV_HIGH, Bounds, Decision
from tests.scaling.clock import TICK_S, Model


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    least = draw(st.integers(0, 5))
    return Bounds(
        min_replicas=least,
        max_replicas=draw(st.integers(max(1, least), 50)),
        target_concurrency=draw(st.integers(1, 64)),
        scale_down_delay_s=draw(st.sampled_from([0.0, 30.0, 300.0, 1200.0])),
        idle_before_zero_s=draw(st.sampled_from([0.0, 10.0, 60.0, 600.0])),
    )


MODELS = st.builds(
    Model, bounds=bounds(), replicas=st.integers(0, 10), start_s=st.sampled_from([0.0, 5.0, 80.0, 1000.0])
)
LOOKS = st.fixed_dictionaries(
    {
        "load": st.one_of(st.just(0), st.integers(0, 30), st.integers(0, 5000)),
        "seconds": st.sampled_from([0.05, 1.0, TICK_S, TICK_S, TICK_S, 45.0, 100.0]),
    },
    optional={
        "complete": st.booleans(),
        "unschedulable": st.booleans(),
        "kv_usage": st.none() | st.floats(0, 1),
    },
)


BLOCKING = {"Unschedulable", "MetricsMissing", "AtMaximum"}


def lately(model: Model) -> int:
    """The fewest that were asked for in the window before now."""
    since = model.now_s - RATE_WINDOW_S
    before = [count for at_s, count in model.asked if at_s <= since][-1:]
    return min([*before, *(count for at_s, count in model.asked if at_s > since)])


@given(MODELS, st.lists(LOOKS, max_size=60))
def test_bounds_and_rate(model: Model, looks: list[dict[str, Any]]) -> None:
    for look in looks:
        before = model.replicas
        replicas = model.look(**look).replicas
        assert model.bounds.min_replicas <= replicas <= model.bounds.max_replicas
        if replicas > model.bounds.min_replicas and replicas > before:
            assert replicas <= max(2 * lately(model), lately(model) + 4)
            assert not (look.get("unschedulable") and before)


@given(MODELS, st.lists(LOOKS, max_size=60))
def test_nothing_is_taken_away_too_early(model: Model, looks: list[dict[str, Any]]) -> None:
    began_s = busy_s = model.now_s + looks[0]["seconds"] if looks else 0.0
    for look in looks:
        before = min(model.replicas, model.bounds.max_replicas)
        waits = look["load"] > before * model.bounds.target_concurrency
        unknown = not look.get("complete", True)
        replicas = model.look(**look).replicas
        if waits or unknown or (replicas and (look.get("kv_usage") or 0) >= KV_HIGH):
            assert replicas >= before
        if look["load"] or unknown:
            busy_s = model.now_s
        if replicas < before:
            delay_s = model.bounds.scale_down_delay_s if replicas else 0.0
            assert model.now_s - began_s >= delay_s
        if replicas == 0 < before:
            assert model.now_s - busy_s >= model.bounds.idle_before_zero_s


@given(bounds(), st.integers(1, 2000), st.integers(0, 50), st.sampled_from([0.0, 5.0, 80.0]))
def test_a_constant_load_gets_what_it_needs_and_then_rest(
    bounds: Bounds, load: int, replicas: int, start_s: float
) -> None:
    model = Model(bounds, replicas=replicas, start_s=start_s)
    needed = max(1, bounds.min_replicas, min(bounds.max_replicas, math.ceil(load / bounds.target_concurrency)))
    model.looks(load, 2 * bounds.scale_down_delay_s + 10 * (start_s + SERVICE_S + RATE_WINDOW_S))
    settled = model.look(load)
    assert settled.replicas == needed
    assert {model.look(load) for _ in range(100)} == {settled}


@given(st.integers(1, 300), st.integers(1, 16), st.integers(2, 40))
def test_a_noise_within_one_replica_changes_nothing(load: int, target: int, looks: int) -> None:
    model = Model(Bounds(1, 1000, target, 300, 600))
    model.looks(math.ceil(load / target) * target, 700)
    settled = model.decisions[-1]
    lowest = (math.ceil(load / target) - 1) * target + 1
    assert {model.look(lowest + step % target) for step in range(looks)} == {settled}


@given(st.integers(1, 20), st.sampled_from([60.0, 120.0, 600.0]), st.integers(4, 20))
def test_a_slow_start_asks_for_what_arrives_and_not_for_what_waits(rate: int, start_s: float, target: int) -> None:
    """At zero ``rate`` requests arrive in a second: while the first replica starts, only SERVICE_S of them count."""
    model = Model(Bounds(0, 10_000, target, 300, 600), replicas=0, start_s=start_s)
    model.looks(0, 60)
    for second in range(int(TICK_S), int(start_s), int(TICK_S)):
        model.look(rate * second)
    arriving = math.ceil(rate * (SERVICE_S + TICK_S) / target)
    assert 1 <= model.replicas <= max(4, arriving)


@given(MODELS, st.lists(LOOKS, max_size=40))
def test_a_decision_changes_with_the_replicas_or_with_what_stands_in_the_way(
    model: Model, looks: list[dict[str, Any]]
) -> None:
    said: dict[str, Decision] = {}
    for look in looks:
        before = model.replicas
        decision = model.look(**look)
        if decision.replicas != before:
            said.clear()
        kind = decision.reason if decision.reason in BLOCKING else "change"
        assert said.setdefault(kind, decision) == decision
