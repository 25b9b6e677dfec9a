"""Models that wake up: since the first request that is held, until the first that is forwarded."""

import time

from modelberth.activator.metrics import ActivatorMetrics
from modelberth.activator.slices import Key


class Wakes:
    def __init__(self, metrics: ActivatorMetrics) -> None:
        self._metrics = metrics
        self._since: dict[Key, float] = {}

    def held(self, key: Key) -> None:
        """A request waits for a pod."""
        if key not in self._since:
            self._since[key] = time.monotonic()
            self._metrics.woken(key)

    def forwarded(self, key: Key) -> None:
        """A pod has a request."""
        since = self._since.pop(key, None)
        if since is not None:
            self._metrics.wake_seconds.observe(time.monotonic() - since)

    def given_up(self, key: Key) -> None:
        """Nobody waits any more."""
        self._since.pop(key, None)
