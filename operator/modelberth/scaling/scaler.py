"""The loop: asks every engine pod for its load, and keeps what the policy decides.

It writes nothing. A reconcile tells it what there is (``follow``) and takes the decision that is in force; a decision
that changed wakes the reconcile.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from modelberth.engines.catalogue import ENGINES
from modelberth.engines.load import Load
from modelberth.ports.engine_metrics import EngineMetrics, EngineMetricsError
from modelberth.scaling.policy import Decision, Memory, Sample, decide
from modelberth.scaling.subject import Key, Pod, Subject

log = logging.getLogger(__name__)

FRESH_S = 1.0
"""Seconds for which a look speaks of this moment."""


class ScalerMetrics(Protocol):
    """What the loop reports."""

    def scraped(self, result: str) -> None: ...

    def ticked(self, seconds: float) -> None: ...


@dataclass
class _Entry:
    subject: Subject
    memory: Memory = field(default_factory=Memory)
    decision: Decision | None = None
    finished: dict[str, float] = field(default_factory=dict)
    """Request counter of each pod at the last look, by uid."""
    looking: bool = False
    looked_s: float = float("-inf")
    """When the last look ended, in the event loop's time."""
    awaited: bool = False
    """Whether the next look wakes the ModelDeployment, whatever it finds."""


class Scaler:
    """``held(key)`` is what the activators hold; ``wake(key)`` queues a ModelDeployment."""

    def __init__(
        self,
        engines: EngineMetrics,
        held: Callable[[Key], int],
        wake: Callable[[Key], None],
        metrics: ScalerMetrics,
    ) -> None:
        self._engines = engines
        self._held = held
        self._wake = wake
        self._metrics = metrics
        self._entries: dict[Key, _Entry] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, key: Key, subject: Subject) -> Decision | None:
        """The decision in force; None until the first look."""
        entry = self._entries.get(key)
        without = entry is not None and not entry.subject.pods
        if entry is None:
            entry = self._entries[key] = _Entry(subject)
        entry.subject = subject
        if not subject.pods and not without and self._held(key):
            # Of a new leader, or of a model whose last pod went: the next tick is seconds away.
            self._look_soon(key, entry)
        return entry.decision

    def forget(self, key: Key) -> None:
        """The ModelDeployment is gone, or is scaled by someone else."""
        self._entries.pop(key, None)

    def fresh(self, key: Key) -> bool:
        """Whether the decision is of this moment. Otherwise a look is on its way, and the key is woken by it."""
        entry = self._entries.get(key)
        if entry is None or asyncio.get_running_loop().time() - entry.looked_s <= FRESH_S:
            return True
        entry.awaited = True
        self._look_soon(key, entry)
        return False

    def held_changed(self, key: Key) -> None:
        """The activators hold more or fewer requests. With no pod to ask, this alone decides: at once."""
        entry = self._entries.get(key)
        if entry is not None and not entry.subject.pods:
            self._look_soon(key, entry)
        self._wake(key)

    async def run(self, interval_s: float) -> None:
        """Looks at everything every ``interval_s`` seconds, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            await self.tick()
            self._metrics.ticked(loop.time() - started)
            await asyncio.sleep(max(interval_s - (loop.time() - started), 0))

    async def tick(self) -> None:
        """One look at everything."""
        await asyncio.gather(*(self._look(key, entry) for key, entry in list(self._entries.items())))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _look_soon(self, key: Key, entry: _Entry) -> None:
        task = asyncio.get_running_loop().create_task(self._look(key, entry))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, key: Key, entry: _Entry) -> None:
        if entry.looking:
            return
        entry.looking = True
        try:
            asked = entry.subject
            loads = await asyncio.gather(*(self._load(asked, pod) for pod in asked.pods))
            if self._entries.get(key) is entry:
                self._decide(key, entry, dict(zip(asked.pods, loads, strict=True)))
        except Exception:
            log.exception("the load could not be judged", extra={"key": key})
        finally:
            entry.looking = False

    def _decide(self, key: Key, entry: _Entry, loads: dict[Pod, Load | None]) -> None:
        subject = entry.subject
        sample = _sample(subject, loads, entry.finished, self._held(key))
        entry.finished = {
            pod.uid: load.finished if load is not None else entry.finished.get(pod.uid, 0.0)
            for pod, load in loads.items()
        }
        decision, entry.memory = decide(subject.bounds, entry.memory, sample)
        entry.looked_s = asyncio.get_running_loop().time()
        if decision != entry.decision or entry.awaited:
            entry.decision, entry.awaited = decision, False
            self._wake(key)

    async def _load(self, subject: Subject, pod: Pod) -> Load | None:
        engine = ENGINES[subject.engine]
        load = None
        try:
            text = await self._engines.read(pod.address, engine.metrics_port, engine.metrics_path)
            load = engine.load(text)
        except EngineMetricsError as error:
            log.debug("the engine could not be asked for its load: %s", error)
        self._metrics.scraped("read" if load is not None else "failed")
        return load


def _sample(subject: Subject, loads: dict[Pod, Load | None], finished: dict[str, float], held: int) -> Sample:
    """The pods that answer, taken together."""
    known = [load for load in loads.values() if load is not None]
    running = sum(load.running for load in known)
    waiting = sum(load.waiting for load in known)
    counted = any(load is not None and load.finished != finished.get(pod.uid, 0.0) for pod, load in loads.items())
    return Sample(
        at_s=asyncio.get_running_loop().time(),
        replicas=subject.replicas,
        ready=len(loads),
        unschedulable=subject.unschedulable,
        running=running,
        waiting=waiting,
        kv_usage=max((load.kv_usage for load in known if load.kv_usage is not None), default=None),
        held=held,
        complete=len(known) == len(loads),
        active=running + waiting + held > 0 or counted,
    )
