"""What probes end, and what they keep out of the Service."""

from typing import Any

import pytest

from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.crashes import crash_loop
from modelberth.reconcile.checks.health import PATIENCE_S, given_up, start_timeout, unhealthy
from tests.fakes.pods import container, ended, status

from .cases import at, case, pod, ran

PROBE = {"initialDelaySeconds": 2, "periodSeconds": 5, "failureThreshold": 4}
"""The fourth failure comes after 2 + 3 x 5 seconds."""


def budgeted(*pods: Any, **probe: int) -> Case:
    return case(*pods, spec={"containers": [{"name": "engine", "startupProbe": {**PROBE, **probe}}]})


@pytest.mark.parametrize("seconds", [17, 18, 22, 90])
def test_a_run_as_long_as_the_budget_was_ended_by_the_startup_probe(seconds: int) -> None:
    found = start_timeout(budgeted(ran(0, seconds)))
    assert found is not None
    assert (found.reason, found.stalled) == ("StartTimeout", True)
    assert "within 22 s" in found.message
    assert "I was busy" in found.message
    assert "startupProbe.failureThreshold" in found.message


def test_a_shorter_run_was_ended_by_something_else() -> None:
    assert start_timeout(budgeted(ran(0, 15))) is None


def test_a_longer_budget_is_waited_for() -> None:
    assert start_timeout(budgeted(ran(0, 90), failureThreshold=3600)) is None


def test_what_had_answered_was_not_too_slow() -> None:
    assert start_timeout(budgeted(ran(0, 90, ready_changed=80))) is None


def test_the_readiness_of_an_earlier_run_does_not_count() -> None:
    assert start_timeout(budgeted(ran(100, 190, ready_changed=80))) is not None


def test_without_a_startup_probe_nothing_times_out() -> None:
    assert start_timeout(case(ran(0, 90))) is None


@pytest.mark.parametrize("code", [0, 137, 143])
def test_what_answered_and_was_ended_from_outside_is_unhealthy(code: int) -> None:
    found = given_up(case(ran(0, 900, code, ready_changed=600)))
    assert found is not None
    assert (found.reason, found.stalled) == ("Unhealthy", False)


def test_what_never_answered_or_failed_by_itself_is_not() -> None:
    assert given_up(case(ran(100, 900, 143, ready_changed=50))) is None
    assert given_up(case(ran(0, 900, 1, ready_changed=600))) is None


def running(changed: float, *, started: bool = True, ready: bool = False, **more: Any) -> Any:
    one = container(state={"running": {"startedAt": at(0)}}, started=started, ready=ready, **more)
    return pod(status(one, changedAt=at(changed)))


@pytest.mark.parametrize("passed", [0, 10, 24, 25, 500])
def test_an_engine_that_stopped_answering_is_told_after_a_while(passed: int) -> None:
    found = unhealthy(case(running(1000), now=1000 + passed))
    assert found is not None
    assert (found.reason, found.in_s) == ("Unhealthy", PATIENCE_S - passed)


@pytest.mark.parametrize(
    "healthy", [running(0, ready=True), running(0, started=False), pod(status(container(state=ended("boom"))))]
)
def test_an_engine_that_answers_loads_or_ended_is_not_unhealthy(healthy: Any) -> None:
    assert unhealthy(case(healthy, now=900)) is None


def test_without_a_clock_nobody_is_unhealthy() -> None:
    assert unhealthy(case(running(0))) is None


def test_before_and_after_the_liveness_probe_it_is_one_text() -> None:
    before = unhealthy(case(running(600), now=900))
    after = given_up(case(ran(0, 900, 137, ready_changed=600)))
    assert before is not None
    assert after is not None
    assert (before.reason, before.message) == (after.reason, after.message)


def test_a_crash_is_over_once_the_engine_has_answered_again() -> None:
    made = running(600, lastState=ended("boom"))
    assert crash_loop(case(made)) is not None
    made["status"]["conditions"] = [{"type": "ContainersReady", "status": "False", "lastTransitionTime": at(600)}]
    assert crash_loop(case(made)) is None


def test_what_served_until_it_crashed_may_do_so_again() -> None:
    found = crash_loop(case(ran(0, 900, 139, ready_changed=900)))
    assert found is not None
    assert not found.stalled
    found = crash_loop(case(ran(901, 910, 139, ready_changed=900)))
    assert found is not None
    assert found.stalled


def test_a_start_that_takes_too_long_is_told_before_the_engine_has_ended() -> None:
    one = container(state={"running": {"startedAt": at(100)}}, started=False)
    found = start_timeout(budgeted(pod(status(one))))
    assert found is None, "without a clock"
    for passed in (0, 22, 23, 60):
        made = budgeted(pod(status(one)))
        found = start_timeout(Case(made.pods, made.workload, now=at(100 + passed)))
        assert found is not None
        assert (found.reason, found.in_s) == ("StartTimeout", 23 - passed)
    ended_then = start_timeout(budgeted(ran(100, 200)))
    assert ended_then is not None
    assert found is not None
    assert ended_then.what == found.what
