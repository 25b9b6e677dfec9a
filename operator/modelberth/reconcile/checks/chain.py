"""The chain: the first check that speaks wins."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from modelberth.reconcile.checks.admission import rejected
from modelberth.reconcile.checks.case import Case, cases_of
from modelberth.reconcile.checks.config import missing_claim, missing_config, unmounted
from modelberth.reconcile.checks.crashes import crash_loop, relay_failed
from modelberth.reconcile.checks.driver import driver_unfit
from modelberth.reconcile.checks.engine import engine_failed
from modelberth.reconcile.checks.fetch import fetch_failed
from modelberth.reconcile.checks.found import Found
from modelberth.reconcile.checks.health import given_up, start_timeout, unhealthy
from modelberth.reconcile.checks.image import image_pull
from modelberth.reconcile.checks.memory import out_of_memory
from modelberth.reconcile.checks.node import pod_failed
from modelberth.reconcile.checks.scheduling import unheard, unschedulable
from modelberth.reconcile.observed import Observed, Raw
from modelberth.reconcile.problem import Problem

# An order of causes: what is named first explains what is named after it.
CHECKS: tuple[Callable[[Case], Found | None], ...] = (
    # There is no pod at all, or it is not whole.
    rejected,
    image_pull,
    missing_config,
    fetch_failed,
    # The engine did not start or ended: the runtime and the kernel know best, then the engine, then the kubelet.
    driver_unfit,
    out_of_memory,
    engine_failed,
    start_timeout,
    given_up,
    crash_loop,
    relay_failed,
    # The pod waits: for a claim that nobody made, for a node, for its volumes.
    missing_claim,
    unschedulable,
    unheard,
    unmounted,
    # It runs, and does not answer.
    unhealthy,
    # It is gone, and another one takes its place.
    pod_failed,
)

_NUMBER = re.compile(r"(?<![\w./:-])\d+(?:\.\d+)?(?![\w/-]|[.:][^\s.:])")
"""A number that counts or measures something, not one in a name."""


@dataclass(frozen=True)
class Checked:
    """What the chain says."""

    problem: Problem | None
    """None while everything is on its way."""
    again_s: float | None = None
    """Seconds after which time alone makes or ends a problem; None where it does not."""


def check_pods(observed: Observed) -> Problem | None:
    """The first problem that is one whatever the time is."""
    return check_pods_at(observed, None).problem


def check_pods_at(observed: Observed, now: str | None) -> Checked:
    """The first problem of the newest revision; where it has none, that of older ones. ``now``: RFC 3339, UTC."""
    newest, older = cases_of(observed, now)
    found, again_s = _first(newest)
    if found is None:
        found, later_s = _first(older)
        again_s = _sooner(again_s, later_s)
        if found is not None:
            what = f"Pods of an older revision are left, and fail: {found.what}"
            # The newest one takes their place by itself.
            found = Found(found.reason, what, found.detail, stalled=False)
    return Checked(None if found is None else _problem(observed.status, observed.generation, found), again_s)


def _first(case: Case) -> tuple[Found | None, float | None]:
    again_s: float | None = None
    for check in CHECKS:
        found = check(case)
        if found is None:
            continue
        if found.in_s <= 0:
            return found, _sooner(again_s, found.until_s)
        again_s = _sooner(again_s, found.in_s)
    return None, again_s


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((delay for delay in (one, other) if delay is not None), default=None)


def _problem(status: Raw, generation: int, found: Found) -> Problem:
    """In the words that the status has for it already: details differ from try to try, and each is a write."""
    return Problem(found.reason, _told(status, generation, found) or found.message, found.stalled)


def _told(status: Raw, generation: int, found: Found) -> str:
    for condition in status.get("conditions") or []:
        if condition["type"] not in ("Stalled", "Reconciling") or condition.get("status") != "True":
            continue
        same = condition.get("reason") == found.reason and condition.get("observedGeneration") == generation
        # Before Kubernetes 1.32 ImagePullBackOff hides why: a message without a detail gives way to one with it.
        start = f"{found.what}:" if found.detail else found.what
        if same and _counted(condition["message"]).startswith(_counted(start)):
            return str(condition["message"])
    return ""


def _counted(text: str) -> str:
    return _NUMBER.sub("#", text)
