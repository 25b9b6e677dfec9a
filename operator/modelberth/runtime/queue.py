"""A coalescing work queue: one worker per key, a bounded number of keys at once, retries with backoff."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from modelberth.runtime.store import Key

log = logging.getLogger(__name__)

PARALLEL = 500
"""Keys at once. They mostly wait for the API server, whose writes ports/kube.py bounds by kind."""
FIRST_BACKOFF_S = 0.5
LAST_BACKOFF_S = 60.0


class QueueMetrics(Protocol):
    """What the queue reports."""

    def depth(self, waiting: int) -> None: ...

    def reconciled(self, result: str, seconds: float) -> None: ...


class Queue:
    """Adding a key that already waits is free; a key that is added while it is worked on runs once more.

    ``work(key)`` returns seconds after which it wants to look again, or None. An exception is logged and retried
    with a delay that doubles from 0.5 s to 60 s: kopf logs the errors of on.event handlers and never retries.
    """

    def __init__(self, work: Callable[[Key], Awaitable[float | None]], metrics: QueueMetrics) -> None:
        self._work = work
        self._metrics = metrics
        self._slots = asyncio.Semaphore(PARALLEL)
        self._dirty: set[Key] = set()
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._backoff: dict[Key, float] = {}
        self._closed = False

    def add(self, key: Key) -> None:
        """The key is looked at soon."""
        if self._closed:
            return
        if timer := self._timers.pop(key, None):
            timer.cancel()
        self._dirty.add(key)
        self._metrics.depth(len(self._dirty))
        if key not in self._running:
            self._running[key] = asyncio.get_running_loop().create_task(self._drain(key))

    def add_after(self, key: Key, seconds: float) -> None:
        """The key is looked at in ``seconds``, or earlier if it is added meanwhile."""
        if key in self._dirty:
            return
        if timer := self._timers.pop(key, None):
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self.add, key)

    async def close(self) -> None:
        """Stops all work where it stands: everything is level-triggered, so the next leader finishes it."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, key: Key) -> None:
        try:
            while key in self._dirty:
                async with self._slots:
                    self._dirty.discard(key)
                    self._metrics.depth(len(self._dirty))
                    await self._once(key)
        finally:
            del self._running[key]

    async def _once(self, key: Key) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            again = await self._work(key)
        except Exception as error:
            delay = self._backoff.get(key, FIRST_BACKOFF_S)
            self._backoff[key] = min(delay * 2, LAST_BACKOFF_S)
            log.warning("reconcile failed, trying again in %.1f s: %s", delay, error or repr(error), extra={"key": key})
            self._metrics.reconciled("error", loop.time() - started)
            self.add_after(key, delay)
            return
        self._backoff.pop(key, None)
        self._metrics.reconciled("ok", loop.time() - started)
        if again is not None:
            self.add_after(key, again)
