"""The fleet, the order of disturbances, tracebacks, whom a failure is blamed on, the table."""

from pathlib import Path
from random import Random

import pytest

from e2e.soak.fleet import PROBE, REAL, SLEEPER, Wanted, children, fleet, replicas, simulated, sleeper
from e2e.soak.invariants import contains
from e2e.soak.logs import Logs
from e2e.soak.report import Counts, Report, Row
from e2e.soak.schedule import DISTURBANCES, schedule
from e2e.soak.traffic import Failure, Trickle, Window


def test_the_fleet_has_real_and_simulated_models() -> None:
    wanted = Wanted({item["metadata"]["name"]: item["spec"] for item in fleet(30)})
    assert len(wanted.names()) == 30
    assert set(wanted.names()) - set(wanted.simulated()) == {*REAL, SLEEPER}
    assert PROBE in wanted.simulated()


def test_the_smallest_fleet_has_every_shape_that_a_changed_spec_may_have() -> None:
    def shapes(size: int) -> set[tuple[str, int]]:
        specs = [item["spec"] for item in fleet(size)]
        return {(spec["engine"]["type"], spec["maxModelLen"]) for spec in specs}

    assert shapes(18) == shapes(200)


def test_children_follow_the_spec() -> None:
    both = {("Deployment", "m"), ("Service", "m")}
    assert children("m", simulated("m", 1, 512)["spec"]) == both
    assert children("m", simulated("m", 2, 512)["spec"]) == both | {("PodDisruptionBudget", "m")}
    asleep = sleeper("m")["spec"]
    assert children("m", asleep) == both | {("PodDisruptionBudget", "m"), ("EndpointSlice", "m-activator")}
    assert (replicas(asleep), replicas(simulated("m", 3, 512)["spec"])) == (0, 3)


@pytest.mark.parametrize(
    ("value", "part", "holds"),
    [({"a": 1, "b": 2}, {"a": 1}, True), ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, True), ({"a": 1}, {"b": 1}, False)],
)
def test_defaults_may_be_filled_in(value: object, part: object, holds: bool) -> None:
    assert contains(value, part) == holds


def test_a_round_has_each_disturbance_once_and_the_seed_decides_the_order() -> None:
    def first(seed: int, number: int) -> list[str]:
        order = schedule(Random(seed), list(DISTURBANCES))
        return [next(order) for _ in range(number)]

    assert sorted(first(1, len(DISTURBANCES))) == sorted(DISTURBANCES)
    assert first(1, 30) == first(1, 30) != first(2, 30)


def test_only_new_tracebacks_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "modelberth-system_modelberth-1_uid" / "operator"
    folder.mkdir(parents=True)
    log = folder / "0.log"
    log.write_text("ERROR old\nTraceback (most recent call last):\nOldError\n")
    logs = Logs(tmp_path)
    assert logs.tracebacks() == []
    with log.open("a") as file:
        file.write("ERROR new\nTraceback (most recent call last):\nNewError\n")
    (folder / "1.log").write_text("fine\n")
    (found,) = logs.tracebacks()
    assert "ERROR new" in found
    assert "NewError" in found
    assert "Old" not in found
    assert logs.tracebacks() == []


def test_a_failure_is_blamed_unless_its_own_model_was_hit_then() -> None:
    windows = [Window(100, 120, frozenset(["real-0"])), Window(200, 220, frozenset())]
    excused = [Failure("real-0", at, "") for at in (99, 110, 121)]
    blamed = [
        Failure("real-0", 90, ""),
        Failure("real-0", 130, ""),
        Failure("real-0", 210, ""),
        Failure("real-1", 110, ""),
    ]
    assert Trickle(9, [*excused, *blamed]).blamed(windows) == blamed


def test_the_table_has_every_disturbance_and_the_range_of_each_kind() -> None:
    window = Window(0, 1, frozenset())
    rows = [Row("etcd paused", "for 5 s", 5.0, took, Counts(4, 13, True), window) for took in (1.5, 22.5)]
    text = str(Report(rows, requests=10, failed=2, blamed=[Failure("real-1", 5, "HTTP 500")]))
    assert text.count("for 5 s") == 2
    assert "1.5    22.5" in text
    assert "requests: 10, of which not answered: 1\n(and 1 of" in text
    assert "HTTP 500" in text
