"""A worse network, on demand: a bandwidth limit, connections cut in the middle, a hub that is down for a while."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock


class Throttle:
    """One link of `bytes_per_second` that all responses share."""

    def __init__(self, bytes_per_second: float) -> None:
        self._seconds_per_byte = 1 / bytes_per_second
        self._free_at = 0.0
        self._lock = Lock()

    def send(self, size: int) -> None:
        """Return when `size` bytes would have passed."""
        with self._lock:
            start = max(self._free_at, time.monotonic())
            self._free_at = start + size * self._seconds_per_byte
        time.sleep(max(0.0, self._free_at - time.monotonic()))


@dataclass
class Faults:
    """What goes wrong, each so many times and then never again; a test may set it at any time.

    `cut_after`: a file's body ends after this many bytes, with the connection closed (`cuts` times).
    `outages`: this many requests are answered 503, as by an overloaded hub.
    """

    cut_after: int = 0
    cuts: int = 0
    outages: int = 0

    def __post_init__(self) -> None:
        self._lock = Lock()

    def take_cut(self, size: int) -> int | None:
        """After how many of `size` bytes this body breaks off, None if it does not."""
        with self._lock:
            if self.cuts <= 0 or size <= self.cut_after:
                return None
            self.cuts -= 1
            return self.cut_after

    def take_outage(self) -> bool:
        """Whether this request fails."""
        with self._lock:
            if self.outages <= 0:
                return False
            self.outages -= 1
            return True
