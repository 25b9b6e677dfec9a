"""Which ModelDeployments may have their pods replaced though nothing of theirs changed: a few at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

Key = tuple[str, str]

HEARD_S = 60.0
"""Seconds that a new leader takes to hear of upgrades that its predecessor began."""

SPARE = 16


@dataclass
class Upgrades:
    """``wake(key)`` queues one whose turn has come. One whose pods do not come up keeps its place: the others stay as
    they are, which is what a person wants of a bad upgrade."""

    limit: int
    """At once; 0: none."""
    wake: Callable[[Key], None]
    _running: set[Key] = field(default_factory=set)
    _waiting: dict[Key, None] = field(default_factory=dict)
    _open: bool = False
    _opening: asyncio.TimerHandle | None = None

    def may(self, key: Key) -> bool:
        """Whether it is this one's turn; otherwise it is woken when it is."""
        if self.limit == 0:
            return False
        if self._opening is None:
            self._opening = asyncio.get_running_loop().call_later(HEARD_S, self._begin)
        if self._open and (key in self._running or len(self._running) < self.limit):
            self._waiting.pop(key, None)
            self._running.add(key)
            return True
        self._waiting[key] = None
        return False

    def running(self, key: Key) -> None:
        """This one is being upgraded."""
        if self.limit:
            self._running.add(key)

    def done(self, key: Key) -> None:
        """All its pods answer, or it is gone."""
        self._waiting.pop(key, None)
        if key in self._running:
            self._running.discard(key)
            self._next()

    def close(self) -> None:
        """Wakes nobody any more."""
        if self._opening is not None:
            self._opening.cancel()

    def _begin(self) -> None:
        self._open = True
        self._next()

    def _next(self) -> None:
        # More than there are places: one that is no candidate any more (an invalid spec) would not pass its turn on.
        for key in list(self._waiting)[: max(0, self.limit - len(self._running)) + SPARE]:
            del self._waiting[key]
            self.wake(key)
