"""Files and folders as the cluster needs them: one writer at a time, and removal that never follows a mount."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.commands import run
from e2e.cluster.progress import say


@contextmanager
def lock(file: Path) -> Iterator[None]:
    """One `up` or `down` at a time. The kernel drops the lock with the process, so no crash leaves one behind."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another `up` or `down` to end ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def mounted_below(folder: Path, mounts: str) -> list[str]:
    """Mount points at or below `folder` in the text of /proc/mounts, the deepest first."""
    points = [line.split()[1].replace("\\040", " ") for line in mounts.splitlines()]
    return sorted((p for p in points if Path(p) == folder or folder in Path(p).parents), key=len, reverse=True)


def remove_folder(folder: Path) -> None:
    """Remove a tree. What is mounted there (a host path of a pod) is unmounted, not emptied."""
    for point in mounted_below(folder, Path("/proc/mounts").read_text()):
        run(["umount", "--lazy", point])
    if folder.exists():
        shutil.rmtree(folder)


def write(file: Path, text: str) -> None:
    """Private: some of the files hold keys."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
