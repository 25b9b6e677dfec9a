"""Reads from running engines how much their KV cache holds, without ever blocking a worker.

A worker asks; the answer is there, or a task fetches it and the key is queued again. What was read stands in
``status.observed`` from then on (``running.carried``), so at rest and after a restart no pod is asked.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from modelberth.engines.capacity import Capacity
from modelberth.engines.catalogue import ENGINES
from modelberth.ports.engine_metrics import PARALLEL, EngineMetrics, EngineMetricsError
from modelberth.reconcile.running import Question

log = logging.getLogger(__name__)

RETRY_S = (2.0, 10.0, 60.0)
"""Seconds before the second, third, ... try: metrics may come later than readiness. Then it is given up: a network
policy that keeps the operator out is nobody's failure."""

FIRST_WORD_S = 0.5
"""Seconds that Ready may wait for what the engine says of its KV cache: both are then one write."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Reading:
    """What the engine says; ``capacity`` None: it says nothing, or cannot be reached."""

    capacity: Capacity | None


@dataclass
class _Entry:
    question: Question
    reading: Reading | None = None
    task: "asyncio.Task[None] | None" = None


class Readings:
    """The newest reading of every ModelDeployment. ``wake(key)`` queues one whose reading arrived.

    ``count(result)`` is told of every try: read, failed, or given_up after the last.
    """

    def __init__(
        self, metrics: EngineMetrics, wake: Callable[[Key], None], count: Callable[[str], None] = lambda result: None
    ) -> None:
        self._metrics = metrics
        self._wake = wake
        self._count = count
        self._entries: dict[Key, _Entry] = {}
        self._slots = asyncio.Semaphore(PARALLEL)

    def ask(self, question: Question, key: Key) -> Reading | None:
        """The reading; None until the first try has ended. ``key`` is woken by success and by an early failure."""
        entry = self._entries.get(key)
        if entry is None or entry.question != question:
            self.forget(key)
            entry = self._entries[key] = _Entry(question)
            entry.task = asyncio.get_running_loop().create_task(self._read(key, entry))
        return entry.reading

    def forget(self, key: Key) -> None:
        """Drops what is known of a resource that is gone, and stops asking its pod."""
        entry = self._entries.pop(key, None)
        if entry is not None and entry.task is not None:
            entry.task.cancel()

    async def close(self) -> None:
        """Wakes nobody any more."""
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, key: Key, entry: _Entry) -> None:
        loop = asyncio.get_running_loop()
        nobody_waits = loop.time() + FIRST_WORD_S
        for delay in (0.0, *RETRY_S):
            await asyncio.sleep(delay)
            async with self._slots:
                capacity = await self._try(entry.question, key)
            self._count("failed" if capacity is None else "read")
            first = entry.reading is None
            entry.reading = Reading(capacity)
            if capacity is not None or (first and loop.time() < nobody_waits):
                self._wake(key)
            if capacity is not None:
                return
        self._count("given_up")
        log.info("the engine does not tell the size of its KV cache", extra={"key": key})

    async def _try(self, question: Question, key: Key) -> Capacity | None:
        engine = ENGINES[question.spec.engine.type]
        try:
            text = await self._metrics.read(question.address, engine.port, question.path)
            # In a thread: the pod decides how much there is to parse.
            return await asyncio.to_thread(engine.capacity, text, question.spec)
        except EngineMetricsError as error:
            log.debug("the engine could not be asked: %s", error, extra={"key": key})
        except Exception:
            log.exception("what the engine says could not be read", extra={"key": key})
        return None
