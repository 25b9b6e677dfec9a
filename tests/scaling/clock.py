"""A model on a virtual clock: what is asked for happens, after a delay."""

from dataclasses import dataclass, field, replace
from typing import Any

from modelberth.scaling.policy import Bounds, Decision, Memory, Sample, decide

TICK_S = 10.0
BOUNDS = Bounds(min_replicas=1, max_replicas=20, target_concurrency=8, scale_down_delay_s=300, idle_before_zero_s=600)
IDLE = Sample(
    at_s=0.0,
    replicas=1,
    ready=1,
    unschedulable=False,
    running=0,
    waiting=0,
    kv_usage=None,
    held=0,
    complete=True,
    active=False,
)


@dataclass
class Model:
    """Looks every ``TICK_S``; replicas become ready ``start_s`` after they were asked for."""

    bounds: Bounds = BOUNDS
    replicas: int = 1
    start_s: float = 0.0
    now_s: float = 1000.0
    memory: Memory = field(default_factory=Memory)
    coming: list[float] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    asked: list[tuple[float, int]] = field(default_factory=list)
    """When how many were asked for: before and after each look."""

    @property
    def ready(self) -> int:
        return self.replicas - sum(at_s > self.now_s for at_s in self.coming)

    def look(self, load: int = 0, seconds: float = TICK_S, **fields: Any) -> Decision:
        """A look after some seconds: the ready replicas run what their target allows, the rest waits or is held."""
        self.now_s += seconds
        running = min(load, self.ready * self.bounds.target_concurrency)
        rest = load - running
        sample = replace(
            IDLE,
            at_s=self.now_s,
            replicas=self.replicas,
            ready=self.ready,
            running=running,
            waiting=rest if self.ready else 0,
            held=0 if self.ready else rest,
            active=load > 0,
        )
        decision, self.memory = decide(self.bounds, self.memory, replace(sample, **fields))
        self.asked.append((self.now_s, self.replicas))
        self.decisions.append(decision)
        self._ask(decision.replicas)
        self.asked.append((self.now_s, self.replicas))
        return decision

    def looks(self, load: int, seconds: float, **fields: Any) -> Decision:
        """The same load for a while."""
        decision = self.look(load, **fields)
        for _ in range(int(seconds / TICK_S) - 1):
            decision = self.look(load, **fields)
        return decision

    def _ask(self, replicas: int) -> None:
        self.coming = [at_s for at_s in self.coming if at_s > self.now_s]
        more = replicas - self.replicas
        self.coming = (
            [*self.coming, *[self.now_s + self.start_s] * more]
            if more >= 0
            else self.coming[: max(0, len(self.coming) + more)]
        )
        self.replicas = replicas
