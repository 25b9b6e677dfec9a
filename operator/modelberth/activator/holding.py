"""How many requests are held and how many bytes of them, and that both have a bound."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from modelberth.activator.slices import Key


@dataclass(frozen=True)
class Limits:
    """What one activator process holds at most."""

    requests: int = 2000
    requests_per_model: int = 500
    bytes: int = 256 << 20
    bytes_per_model: int = 64 << 20
    hold_s: float = 600.0

    @property
    def connections_per_model(self) -> int:
        """Open connections of one door: those held, those being answered, those that have not asked yet."""
        return 2 * self.requests_per_model

    @property
    def connections(self) -> int:
        return 2 * self.requests


class FullError(Exception):
    """A bound is reached; ``reason`` names it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Holding:
    """Counts, by model and in total. ``changed(key)`` hears of every change of the number held."""

    limits: Limits
    changed: Callable[[Key], None] = lambda key: None
    _held: "Counter[Key]" = field(default_factory=Counter)
    _bytes: "Counter[Key]" = field(default_factory=Counter)
    _total_bytes: int = 0

    @property
    def held(self) -> Mapping[Key, int]:
        """Requests that wait for a pod; only models that have some."""
        return self._held

    def held_bytes(self, key: Key | None = None) -> int:
        """Bytes in memory of a model's requests, or of all."""
        return self._total_bytes if key is None else self._bytes[key]

    def _hold(self, key: Key) -> None:
        limits = self.limits
        if self._held.total() >= limits.requests:
            raise FullError("requests")
        if self._held[key] >= limits.requests_per_model:
            raise FullError("model_requests")
        self._count(key, 1)

    def _count(self, key: Key, step: int) -> None:
        self._held[key] += step
        if not self._held[key]:
            del self._held[key]
        self.changed(key)

    def _add_bytes(self, key: Key, size: int) -> None:
        if size > 0 and self._total_bytes + size > self.limits.bytes:
            raise FullError("bytes")
        if size > 0 and self._bytes[key] + size > self.limits.bytes_per_model:
            raise FullError("model_bytes")
        self._total_bytes += size
        self._bytes[key] += size
        if not self._bytes[key]:
            del self._bytes[key]


class Place:
    """What one request takes up. Leave it with ``free``, whatever happened."""

    def __init__(self, holding: Holding, key: Key) -> None:
        self._holding = holding
        self._key = key
        self._held = False
        self._admitted = False
        self._size = 0

    @property
    def held(self) -> bool:
        return self._held

    def hold(self) -> None:
        """Waits for a pod from now on. Raises FullError.

        A request that was forwarded and comes back has its place still: only connections bound how many do.
        """
        if self._held:
            return
        if self._admitted:
            self._holding._count(self._key, 1)
        else:
            self._holding._hold(self._key)
        self._held = self._admitted = True

    def let_go(self) -> None:
        """Waits no longer; its bytes are in memory yet."""
        if self._held:
            self._held = False
            self._holding._count(self._key, -1)

    def grow(self, size: int) -> None:
        """So many bytes more are in memory. Raises FullError, and then they do not count."""
        self._holding._add_bytes(self._key, size)
        self._size += size

    def shrink(self) -> None:
        """Nothing of it is in memory any more."""
        self._holding._add_bytes(self._key, -self._size)
        self._size = 0

    def free(self) -> None:
        self.let_go()
        self.shrink()
