"""Asks fetchers how far they are, without ever blocking a worker.

A worker asks; the newest answer is there, and a task renews it while some fetcher runs. Nothing is kept of it: when
the fetchers have ended, their pods say how.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from modelberth.ports.fetch_progress import FetchProgress, Progress
from modelberth.reconcile.observed import Observed, Raw
from modelberth.reconcile.weights import fetch_status, fetchers

log = logging.getLogger(__name__)

FIRST_S = 2.0
"""Seconds before a fetcher is asked first: what is there by then is not worth telling."""
POLL_S = 5.0
"""Seconds between two questions."""
ASKED = 16
"""Pods that are asked of one resource, those first that fetch the longest: one of them holds the cache's lock."""
_RANKS = {"Waiting": 0, "Pending": 1, "Complete": 2, "Downloading": 3, "Verifying": 4}

Key = tuple[str, str]


@dataclass
class _Entry:
    pods: dict[str, str]
    """uid -> IP"""
    said: dict[str, Progress] = field(default_factory=dict)
    """uid -> its last word. One silent moment of a pod is no news."""
    task: "asyncio.Task[None] | None" = None


class Downloads:
    """Who fetches, and how far. ``wake(key)`` queues a ModelDeployment that has news."""

    def __init__(self, fetches: FetchProgress, wake: Callable[[Key], None]) -> None:
        self._fetches = fetches
        self._wake = wake
        self._entries: dict[Key, _Entry] = {}

    def ask(self, key: Key, observed: Observed) -> Progress | None:
        """How far the fetcher is that speaks for all; None while none runs or none has answered."""
        pods = running(fetchers(observed))
        if not pods:
            self.forget(key)
            return None
        entry = self._entries.setdefault(key, _Entry(pods))
        entry.pods = pods
        entry.said = {uid: said for uid, said in entry.said.items() if uid in pods}
        if entry.task is None:
            entry.task = asyncio.get_running_loop().create_task(self._follow(key, entry))
        return leading(entry.said.values())

    def forget(self, key: Key) -> None:
        """Asks no pod of this resource any more."""
        entry = self._entries.pop(key, None)
        if entry is not None and entry.task is not None:
            entry.task.cancel()

    async def close(self) -> None:
        """Wakes nobody any more."""
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, key: Key, entry: _Entry) -> None:
        delay = FIRST_S
        while True:
            await asyncio.sleep(delay)
            before = leading(entry.said.values())
            await asyncio.gather(*(self._ask(key, entry, *pod) for pod in entry.pods.items()))
            if leading(entry.said.values()) != before:
                self._wake(key)
            delay = POLL_S

    async def _ask(self, key: Key, entry: _Entry, uid: str, address: str) -> None:
        try:
            progress = await self._fetches.read(address)
        except Exception:
            log.exception("a fetcher could not be asked", extra={"key": key})
            return
        if progress is not None and uid in entry.pods:
            entry.said[uid] = rounded(progress)


def running(pods: list[Raw]) -> dict[str, str]:
    """uid -> IP of pods whose fetcher runs, at most ASKED of them."""
    found = []
    for pod in pods:
        state = (fetch_status(pod).get("state") or {}).get("running")
        address = pod.get("status", {}).get("podIP")
        if state is not None and address:
            found.append((str(state.get("startedAt", "")), str(pod["metadata"]["uid"]), str(address)))
    return {uid: address for _, uid, address in sorted(found)[:ASKED]}


def leading(said: Iterable[Progress]) -> Progress | None:
    """The one that speaks for all: the most advanced that downloads. Waiting is told only when all wait."""
    return max(said, key=lambda one: (_RANKS[one.phase], one.bytes, one.bytes_per_second), default=None)


def rounded(progress: Progress) -> Progress:
    """Speed and time left with two digits: nobody reads more, and a steady download then changes in bytes alone."""
    left = progress.eta_seconds
    return replace(
        progress,
        bytes_per_second=_two_digits(progress.bytes_per_second),
        eta_seconds=None if left is None else _two_digits(left),
    )


def _two_digits(number: int) -> int:
    unit: int = 10 ** max(len(str(number)) - 2, 0)
    return (number + unit // 2) // unit * unit
