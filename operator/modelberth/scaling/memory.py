"""What the policy remembers of earlier samples: a few points, however long the windows are."""

from dataclasses import dataclass, replace

from modelberth.scaling.decision import Decision
from modelberth.scaling.sample import Sample

GAP_S = 60.0
"""Seconds without a sample after which nothing is known of the time between."""
RATE_WINDOW_S = 15.0
"""Seconds within which replicas at most double, or grow by four."""
SERVICE_S = 30.0
"""Seconds that a request is taken to run."""
_SPACING_S = 1.0
"""Least seconds between two points of the load: held requests make samples come much faster."""


@dataclass(frozen=True)
class Point:
    """A number from a moment on."""

    at_s: float
    value: int


@dataclass(frozen=True)
class Memory:
    """Made empty; every decision returns the next one."""

    last_s: float | None = None
    """When the last sample was."""
    since_s: float = 0.0
    """Beginning of the time that has been seen without a gap."""
    needs: tuple[Point, ...] = ()
    """Replicas that were needed within scaleDownDelay, falling: a larger need that comes later hides the earlier."""
    asked: tuple[Point, ...] = ()
    """Changes of the replicas that were asked for, RATE_WINDOW_S back."""
    loads: tuple[Point, ...] = ()
    """Requests, SERVICE_S back."""
    coming_s: float | None = None
    """When replicas were last seen coming."""
    demand: int = 0
    """The largest ``demand_of`` since replicas are coming; 0 where none are."""
    waiting_s: float | None = None
    """Since when every sample had waiting requests."""
    missing_s: float | None = None
    """Since when every sample was incomplete."""
    active_s: float = 0.0
    """When a request was last known, or could not be excluded."""
    change: Decision | None = None
    """The last decision that changed the replicas."""

    @property
    def filling(self) -> bool:
        """Replicas are coming, or came so lately that they have not yet served what waited for them."""
        return self.coming_s is not None and self.last_s is not None and self.last_s - self.coming_s < SERVICE_S


def seen(memory: Memory, sample: Sample) -> Memory:
    """The memory with one more sample, but for what that sample needs."""
    now = sample.at_s
    if memory.last_s is None or now - memory.last_s > GAP_S:
        memory = Memory(since_s=now, active_s=now, change=memory.change)
    loads = memory.loads
    if sample.complete and (not loads or now - loads[-1].at_s >= _SPACING_S):
        loads = (*loads, Point(now, sample.load))
    memory = asking(memory, now, sample.replicas)
    after = replace(
        memory,
        last_s=now,
        asked=_since(now - RATE_WINDOW_S, memory.asked),
        loads=_since(now - SERVICE_S, loads),
        coming_s=now if sample.coming else memory.coming_s,
        waiting_s=_first(memory.waiting_s, now) if sample.waiting else None,
        missing_s=None if sample.complete else _first(memory.missing_s, now),
        active_s=now if _in_use(sample) else memory.active_s,
    )
    return replace(after, demand=max(after.demand, demand_of(after, sample)) if after.filling else 0)


def _in_use(sample: Sample) -> bool:
    """Whether a request is known or cannot be excluded."""
    return sample.active or sample.load > 0 or not sample.complete or sample.loading


def demand_of(memory: Memory, sample: Sample) -> int:
    """Requests at once if no backlog waited for replicas to come.

    Little's law: as many as arrive while one is served. Engines run some of them; the others are those by which the
    load grew in the last SERVICE_S. What has waited longer would long be served, so it is no reason for more replicas.
    """
    grown = sample.load - memory.loads[0].value if memory.loads else 0
    return sample.running + max(0, grown)


def asking(memory: Memory, now_s: float, replicas: int) -> Memory:
    """The memory with what is asked for from now on."""
    if memory.asked and memory.asked[-1].value == replicas:
        return memory
    return replace(memory, asked=(*memory.asked, Point(now_s, replicas)))


def needing(memory: Memory, replicas: int, window_s: float) -> Memory:
    """The memory with what the newest sample needs, without what is older than the window."""
    now = memory.last_s or 0.0
    kept = tuple(need for need in memory.needs if need.value > replicas and need.at_s > now - window_s)
    return replace(memory, needs=(*kept, Point(now, replicas)))


def _since(at_s: float, points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The points after a moment, and the last before: its value held at that moment."""
    before = [index for index, point in enumerate(points) if point.at_s <= at_s]
    return points[before[-1] :] if before else points


def _first(begun_s: float | None, now_s: float) -> float:
    return now_s if begun_s is None else begun_s
