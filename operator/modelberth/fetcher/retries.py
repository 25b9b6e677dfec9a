"""Trying again, a few times: what lasts longer is for the kubelet, which restarts the container ever more slowly."""

from collections.abc import Callable
from typing import TypeVar

from modelberth.ports.hub_problems import HubProblem

TRIES = 4
Answer = TypeVar("Answer")


def delay(attempt: int) -> float:
    """Seconds to wait after the given failed attempt (1, 2, ...): 2, 4, 8, then 15."""
    return min(15.0, 2.0**attempt)


def persist(call: Callable[[], Answer], sleep: Callable[[float], None]) -> Answer:
    """The call's answer; transient problems are tried again up to TRIES times in all. Raises HubProblem."""
    for attempt in range(1, TRIES):
        try:
            return call()
        except HubProblem as problem:
            if not problem.transient:
                raise
        sleep(delay(attempt))
    return call()
