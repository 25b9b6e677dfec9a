"""How far the download is: one readable line per second for `kubectl logs`, instead of progress bars."""

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

_WINDOW_S = 10.0
"""The rate is that of the last seconds: one over the whole time would hide that a download has stalled."""
_STALLED = 1000.0
"""Bytes per second below which a time left would be fiction."""


class Progress:
    """Counts bytes from several threads and says so while it is entered.

    ``say`` gets one line about every ``every_s`` seconds and a last one at the end.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic, every_s: float = 1.0):
        self._say = say
        self._clock = clock
        self._every_s = every_s
        self._lock = threading.Lock()
        self._done = 0
        self._total = 0
        self._samples: deque[tuple[float, int]] = deque()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def begin(self, total: int, present: int) -> None:
        """Start counting: bytes in all, and bytes that were there already."""
        with self._lock:
            self._total, self._done = total, present
            self._samples = deque([(self._clock(), present)])

    def add(self, count: int) -> None:
        """Bytes that arrived; negative when some must be fetched again."""
        with self._lock:
            self._done += count

    def line(self) -> str:
        """Bytes, total, MB/s and ETA as of now."""
        with self._lock:
            now, done, total = self._clock(), self._done, self._total
            self._samples.append((now, done))
            while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_S:
                self._samples.popleft()
            then, before = self._samples[0]
        rate = max(0.0, (done - before) / (now - then)) if now > then else 0.0
        share = f"{100 * done // total} %" if total else "0 %"
        text = f"{gib(done)} of {gib(total)} ({share}), {rate / 1e6:.1f} MB/s"
        left = total - done
        if left <= 0:
            return text
        return f"{text}, {f'{duration(left / rate)} left' if rate >= _STALLED else 'waiting for data'}"

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._say(self.line())

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            self._say(self.line() if self._done < self._total else f"{gib(self._total)} are here, verifying them.")


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
