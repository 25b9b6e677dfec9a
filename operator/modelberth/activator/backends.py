"""Which pods of which model are ready, and who waits for one."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from modelberth.activator.slices import Backend, Key


class Backends:
    """Ready pods by model, and how many requests of ours each serves."""

    def __init__(self) -> None:
        self._ready: Mapping[Key, frozenset[Backend]] = {}
        self._known: Collection[Key] = ()
        self._serving: Counter[Backend] = Counter()
        self._waiting: dict[Key, set[asyncio.Future[None]]] = defaultdict(set)

    def update(self, ready: Mapping[Key, frozenset[Backend]], known: Collection[Key]) -> None:
        """Takes what is ready now and which models there are, and wakes who waits for one that changed."""
        before, self._ready = self._ready, ready
        heard, self._known = self._known, known
        for key in self._waiting:
            if before.get(key) == ready.get(key) and (key in heard) == (key in known):
                continue
            for waiter in self._waiting[key]:
                if not waiter.done():
                    waiter.set_result(None)

    def knows(self, key: Key) -> bool:
        """Whether there is a slice of the model, be it empty."""
        return key in self._known

    def choose(self, key: Key, refused: Collection[Backend] = ()) -> Backend | None:
        """The ready pod that serves the fewest of ours, none of those that ``refused``."""
        candidates = [backend for backend in self._ready.get(key, ()) if backend not in refused]
        return min(candidates, key=lambda backend: (self._serving[backend], backend), default=None)

    @contextmanager
    def serving(self, backend: Backend) -> Iterator[None]:
        """Counts one request as this pod's."""
        self._serving[backend] += 1
        try:
            yield
        finally:
            self._serving[backend] -= 1
            if not self._serving[backend]:
                del self._serving[backend]

    async def changed(self, key: Key, seconds: float) -> None:
        """Returns when the model's pods change, or after so many seconds."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[key].add(waiter)
        try:
            await asyncio.wait({waiter}, timeout=max(0.0, seconds))
        finally:
            self._waiting[key].discard(waiter)
            if not self._waiting[key]:
                del self._waiting[key]
