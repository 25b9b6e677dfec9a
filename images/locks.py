"""Locks between processes: two test runs, a demo and a developer may all build images at once.

A lock is freed by the kernel when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold `file` alone; waits for it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def in_use(file: Path) -> Iterator[bool]:
    """Hold `file` together with others; yields whether nobody else did when this began."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except BlockingIOError:
            alone = False
        # An exclusive lock is turned into a shared one; for a moment there may be none, so `alone` only tells about
        # the past: what was left behind then is nobody's.
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield alone
