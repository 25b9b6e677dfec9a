"""How far the download is: one readable line per second for `kubectl logs`, instead of progress bars."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

Phase = Literal["Pending", "Waiting", "Downloading", "Verifying", "Complete"]

_WINDOW_S = 10.0
"""The rate is that of the last seconds: one over the whole time would hide that a download has stalled."""
_STALLED = 1000.0
"""Bytes per second below which a time left would be fiction."""


@dataclass(frozen=True)
class Standing:
    """How far it is at one moment."""

    phase: Phase
    done: int
    """Bytes."""
    total: int
    """Bytes; 0 while nobody knows yet."""
    rate: float
    """Bytes per second."""
    commit: str | None

    @property
    def seconds_left(self) -> float | None:
        """None where it would be a guess."""
        left = self.total - self.done
        return left / self.rate if left > 0 and self.rate >= _STALLED else None

    @property
    def line(self) -> str:
        """Bytes, total, MB/s and time left, for people."""
        share = f"{100 * self.done // self.total} %" if self.total else "0 %"
        text = f"{gib(self.done)} of {gib(self.total)} ({share})"
        left = self.seconds_left
        if left is None and self.phase == "Waiting":
            return text
        text = f"{text}, {self.rate / 1e6:.1f} MB/s"
        if self.done >= self.total:
            return text
        return f"{text}, {'waiting for data' if left is None else f'{duration(left)} left'}"

    @property
    def json(self) -> dict[str, Any]:
        """What GET /progress answers: bytes, bytes per second, seconds."""
        left = self.seconds_left
        return {
            "phase": self.phase,
            "bytes": self.done,
            "total": self.total,
            "bytesPerSecond": int(self.rate),
            "etaSeconds": None if left is None else int(left),
            "commit": self.commit,
        }


class Progress:
    """Counts bytes from several threads and says so while it is entered.

    ``say`` gets one line about every ``every_s`` seconds and a last one at the end.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic, every_s: float = 1.0):
        self.say = say
        self._clock = clock
        self._every_s = every_s
        self._lock = threading.Lock()
        self._phase: Phase = "Pending"
        self._commit: str | None = None
        self._done = 0
        self._total = 0
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def enter(self, phase: Phase, commit: str | None = None) -> None:
        """A phase begins; the commit stays until another is told."""
        with self._lock:
            self._phase, self._commit = phase, commit or self._commit

    def begin(self, total: int, present: int) -> None:
        """Start counting: bytes in all, and bytes that were there already."""
        with self._lock:
            self._total, self._done = total, present
            self._samples = deque([(self._clock(), present)])

    def add(self, count: int) -> None:
        """Bytes that arrived; negative when some must be fetched again."""
        with self._lock:
            self._done += count

    def see(self, total: int, done: int) -> None:
        """What somebody else's download has got to."""
        with self._lock:
            if not self._total:
                # Their bytes so far are not the speed of the first second.
                self._samples = deque([(self._clock(), done)])
            self._total, self._done = total, done

    def standing(self) -> Standing:
        """As of now."""
        with self._lock:
            now, done, total = self._clock(), self._done, self._total
            self._samples.append((now, done))
            while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_S:
                self._samples.popleft()
            then, before = self._samples[0]
            verifying = self._phase == "Downloading" and done >= total
            phase, commit = "Verifying" if verifying else self._phase, self._commit
        rate = max(0.0, (done - before) / (now - then)) if now > then else 0.0
        return Standing(phase, done, total, rate, commit)

    def line(self) -> str:
        """Bytes, total, MB/s and time left as of now."""
        return self.standing().line

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.say(self.line())

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            standing = self.standing()
            verifying = f"{gib(standing.total)} are here, verifying them."
            self.say(verifying if standing.phase == "Verifying" else standing.line)


def gib(count: int) -> str:
    """Bytes as people read them: GiB from 1 GiB, MiB below."""
    return f"{count / (1 << 30):.2f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.1f} MiB"


def duration(seconds: float) -> str:
    """Seconds as 45 s, 3 min 20 s or 2 h 5 min."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
