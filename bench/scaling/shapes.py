"""Load shapes that autoscalers are usually judged on: requests per second over time, and the requests drawn from it."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

HOUR_S = 3600
SERVICE_S = 10.0
"""Mean seconds that an engine takes for a request."""
SIGMA = 0.6
"""Of the logarithm of that: answers differ in length."""


@dataclass(frozen=True)
class Request:
    """Arrives at a second and keeps a slot for some."""

    at_s: float
    service_s: float


@dataclass(frozen=True)
class Shape:
    """Requests per second at every second, and how long it takes until a new replica is ready."""

    name: str
    rate: Callable[[float], float]
    seconds: int
    start_s: float
    min_replicas: int = 1


def requests_of(shape: Shape, seed: int = 5) -> list[Request]:
    """A Poisson process of the shape's rate, by thinning; service times are log-normal."""
    dice = random.Random(seed)
    peak = max(shape.rate(second) for second in range(shape.seconds))
    mean_log = math.log(SERVICE_S) - SIGMA**2 / 2
    requests: list[Request] = []
    at_s = dice.expovariate(peak)
    while at_s < shape.seconds:
        if dice.random() * peak < shape.rate(at_s):
            requests.append(Request(at_s, dice.lognormvariate(mean_log, SIGMA)))
        at_s += dice.expovariate(peak)
    return requests


def _step(at_s: float) -> float:
    return 4.0 if 600 <= at_s < 2400 else 0.5


def _ramp(at_s: float) -> float:
    return 0.5 + 5.5 * min(max(at_s - 300, 0.0), 1200) / 1200 if at_s < 2400 else 0.5


def _spikes(at_s: float) -> float:
    return 8.0 if at_s >= 600 and at_s % 1200 < 60 else 1.0


def _day(at_s: float) -> float:
    """A day in two hours, with a noise that changes every minute."""
    noise = random.Random(int(at_s // 60)).lognormvariate(0.0, 0.25)
    return (2.5 - 2.3 * math.cos(at_s / (2 * HOUR_S) * 2 * math.pi)) * noise


def _visits(at_s: float) -> float:
    """Ten minutes of use in every hour, nothing between."""
    return 1.6 if at_s % HOUR_S < 600 else 0.0


SHAPES = (
    Shape("step", _step, HOUR_S, start_s=60),
    Shape("step, slow start", _step, HOUR_S, start_s=240),
    Shape("ramp", _ramp, HOUR_S, start_s=60),
    Shape("spikes", _spikes, HOUR_S, start_s=60),
    Shape("day", _day, 2 * HOUR_S, start_s=60),
    Shape("visits from zero", _visits, 2 * HOUR_S, start_s=120, min_replicas=0),
)
