"""Replicas with slots and a delay before they serve, one queue before them, and a clock of one second."""

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bench.scaling.shapes import Request
from modelberth.scaling.policy import Sample

SLOTS = 8
"""Requests that a replica serves at once: the target of every policy."""


class Policy(Protocol):
    """Decides from one sample per second; most of them are no use to it."""

    def look(self, sample: Sample) -> int:
        """The replicas to ask for from now on."""
        ...


@dataclass
class Outcome:
    """What a policy made of a load."""

    over: float = 0.0
    """Replica-seconds asked for beyond what the load needs."""
    under: float = 0.0
    """Replica-seconds that were needed and not ready."""
    most: int = 0
    """Replicas at the highest moment."""
    changes: int = 0
    waits_s: list[float] = field(default_factory=list)
    """Seconds that each request waited for a slot."""
    unanswered: int = 0


@dataclass
class _World:
    """What runs, waits, is ready and is coming."""

    ready: int
    coming: deque[float] = field(default_factory=deque)
    """When each replica that is asked for becomes ready."""
    ends: list[float] = field(default_factory=list)
    """When each running request ends: a heap."""
    queue: deque[Request] = field(default_factory=deque)

    @property
    def replicas(self) -> int:
        return self.ready + len(self.coming)

    def ask(self, replicas: int, ready_s: float) -> None:
        """Those that are not ready go first; requests of one that goes are served to their end."""
        while self.replicas > replicas:
            if self.coming:
                self.coming.pop()
            else:
                self.ready -= 1
        self.coming.extend(ready_s for _ in range(replicas - self.replicas))

    def start(self, now_s: float, waits_s: list[float]) -> None:
        while self.queue and len(self.ends) < self.ready * SLOTS:
            request = self.queue.popleft()
            waits_s.append(now_s - request.at_s)
            heapq.heappush(self.ends, now_s + request.service_s)

    def pass_to(self, now_s: float, waits_s: list[float]) -> None:
        """Ends what ends until then; each end lets the next one start."""
        while self.ends and self.ends[0] <= now_s:
            self.start(heapq.heappop(self.ends), waits_s)


def needs(requests: Sequence[Request], seconds: int) -> list[int]:
    """Replicas that would serve every request at once, for each second: the yardstick."""
    changes = [0] * (seconds + 1)
    for request in requests:
        changes[int(request.at_s)] += 1
        changes[min(seconds, int(request.at_s + request.service_s) + 1)] -= 1
    needed, running = [], 0
    for change in changes[:seconds]:
        running += change
        needed.append(math.ceil(running / SLOTS))
    return needed


def replay(requests: Sequence[Request], policy: Policy, start_s: float, replicas: int) -> Outcome:
    """Every second: what arrived is queued and served, then the policy looks. Ends when all is answered."""
    outcome, world, left = Outcome(), _World(ready=replicas), deque(requests)
    seconds = int(requests[-1].at_s) + 1
    needed = needs(requests, seconds)
    last_s = seconds + 4 * 3600
    for second in range(last_s):
        now_s = float(second + 1)
        while left and left[0].at_s < now_s:
            world.pass_to(left[0].at_s, outcome.waits_s)
            world.queue.append(left.popleft())
            world.start(world.queue[-1].at_s, outcome.waits_s)
        world.pass_to(now_s, outcome.waits_s)
        while world.coming and world.coming[0] <= now_s:
            world.coming.popleft()
            world.ready += 1
        world.start(now_s, outcome.waits_s)
        if second < seconds:
            outcome.over += max(0, world.replicas - needed[second])
            outcome.under += max(0, needed[second] - world.ready)
        elif not world.queue:
            break
        asked = policy.look(_sample(world, now_s))
        outcome.changes += asked != world.replicas
        world.ask(asked, now_s + start_s)
        outcome.most = max(outcome.most, world.replicas)
    outcome.unanswered = len(world.queue)
    return outcome


def _sample(world: _World, now_s: float) -> Sample:
    queued = len(world.queue)
    return Sample(
        at_s=now_s,
        replicas=world.replicas,
        ready=world.ready,
        unschedulable=False,
        running=len(world.ends),
        waiting=queued if world.ready else 0,
        kv_usage=None,
        held=0 if world.ready else queued,
        complete=True,
        active=bool(world.ends or queued),
    )
