"""What the fetcher needs of the machine, handed in so that tests choose: free disk, waiting."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write below the folder."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@dataclass(frozen=True)
class Machine:
    """The real one unless a test says otherwise."""

    free_bytes: Callable[[Path], int] = free_bytes
    sleep: Callable[[float], None] = time.sleep
    """Waits this many seconds."""
