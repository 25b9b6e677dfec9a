"""Waits until the engine has nothing left to do and nobody to do it for: llama-server cuts its streams at its end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from modelberth.relay.wire import Answer

GAUGES = (b"llamacpp:requests_processing", b"llamacpp:requests_deferred")
"""Requests that are worked on, and requests that wait for a slot."""
LOOK_EVERY_S = 0.5
IDLE_LOOKS = 2
"""A request that is being received or tokenized is in neither gauge yet."""


@dataclass(frozen=True)
class Times:
    """Seconds."""

    pause: float
    """First: the Service's endpoint goes, and kube-proxy hears of it; new requests may come until then."""
    limit: float
    """Then at most, for the engine."""


@dataclass(frozen=True)
class Clock:
    """time.monotonic and time.sleep; others in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Engine(Protocol):
    """What is looked at."""

    def metrics(self) -> Answer | None:
        """None where it has ended."""
        ...

    def connections(self) -> int | None:
        """To its port; None where the kernel does not tell."""
        ...


def drain(engine: Engine, times: Times, clock: Clock | None = None) -> bool:
    """Waits; whether IDLE_LOOKS one after the other before the limit saw an idle engine and no client.

    A client with a pool may send its next request over a connection that is idle now. llama-server ends it after a
    stream, after 100 requests, or when none came for 5 s (CPPHTTPLIB_KEEPALIVE_* in its vendor/cpp-httplib/httplib.h).
    Where one goes on for half of the time, an idle moment of the engine is the best that there will be.
    """
    clock = clock or Clock()
    clock.sleep(times.pause)
    late, end = clock.now() + times.limit / 2, clock.now() + times.limit
    looks = 0
    while True:
        quiet = idle(engine.metrics()) and (clock.now() >= late or not engine.connections())
        looks = looks + 1 if quiet else 0
        if looks == IDLE_LOOKS:
            return True
        if clock.now() + LOOK_EVERY_S > end:
            return False
        clock.sleep(LOOK_EVERY_S)


def idle(answer: Answer | None) -> bool:
    """Whether the engine has surely nothing to do; an engine that does not say so may be busy."""
    if answer is None or answer.status == 503:
        return True  # it has ended, or loads its model
    if answer.status != 200:
        return False
    values = dict(filter(None, map(_gauge, answer.body.splitlines())))
    return all(values.get(name) == 0 for name in GAUGES)


def _gauge(line: bytes) -> tuple[bytes, float] | None:
    """Name and value of a line without labels, as llama-server writes its gauges."""
    words = line.split()
    if len(words) != 2:
        return None
    try:
        return words[0], float(words[1])
    except ValueError:
        return None
