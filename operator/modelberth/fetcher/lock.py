"""One lock per entry of a cache, which ends with the process that holds it: kill -9 cannot leave it behind.

flock works between the pods of a node, and between nodes where the file system does it: NFS (a byte-range lock at the
server since Linux 2.6.12, https://man7.org/linux/man-pages/man2/flock.2.html), CephFS, and most others.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Holds the lock; calls ``wait`` whenever somebody else has it, before trying again. Raises OSError."""
    # Writable: an exclusive lock over NFS asks for it.
    with path.open("ab") as file:
        while not _taken(file.fileno(), fcntl.LOCK_EX):
            wait()
        yield


@contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Holds the lock, or says False where somebody else has it. Raises OSError."""
    with path.open("ab") as file:
        yield _taken(file.fileno(), fcntl.LOCK_EX)


def is_held(path: Path) -> bool:
    """Whether anybody holds the lock. Changes nothing. Raises OSError."""
    try:
        with path.open("rb") as file:
            return not _taken(file.fileno(), fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
