"""A control group subtree of the cluster's own, on cgroup v1 (one tree per controller) and v2 (one tree).

Everything the cluster starts is below it: containers because kubelet's cgroupRoot is, daemons and the shims they leave
behind because they are put there. So what is left after a crash can be found exactly, whatever it is called.
"""

import contextlib
import errno
import os
import signal
import time
from pathlib import Path

MOUNTS = Path("/proc/mounts")


def hierarchies(mounts: str) -> dict[str, Path]:
    """Controllers -> mount point, from the text of /proc/mounts; v2, which has one tree, is called "unified".

    A hybrid machine has both: its controllers are in the trees of v1, but runc joins the v2 tree as well.
    """
    found = {}
    for line in mounts.splitlines():
        _, point, kind, options, *_ = line.split()
        if kind == "cgroup":
            named = [o for o in options.split(",") if o not in ("rw", "ro", "relatime", "nosuid", "nodev", "noexec")]
            found[",".join(named)] = Path(point)
        elif kind == "cgroup2":
            found["unified"] = Path(point)
    return found


def _pass_controllers(parent: Path) -> None:
    """v2: a group has only the controllers that its parent passes on, and kubelet refuses a root that lacks some."""
    for controller in (parent / "cgroup.controllers").read_text().split():
        with contextlib.suppress(OSError):  # what this machine cannot pass on, kubelet names
            (parent / "cgroup.subtree_control").write_text(f"+{controller}")


def _remove_when_free(folder: str, timeout: float = 5.0) -> None:
    """A group stays busy for a moment after its last process was killed."""
    end = time.monotonic() + timeout
    while True:
        try:
            return os.rmdir(folder)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > end:
                raise
        time.sleep(0.05)


class Cgroups:
    """The subtree of cluster `root`."""

    def __init__(self, root: str) -> None:
        self.trees = {name: point / root for name, point in hierarchies(MOUNTS.read_text()).items()}

    @property
    def daemons(self) -> Path:
        """cgroup.procs of the group that daemons are put into."""
        return self._marker() / "daemons" / "cgroup.procs"

    def create(self) -> None:
        for name, tree in self.trees.items():
            tree.mkdir(exist_ok=True)
            if name == "unified" and len(self.trees) == 1:
                _pass_controllers(tree.parent)
            if "cpuset" in name.split(","):
                # v1 starts a cpuset empty, and a process cannot join an empty one.
                for file in ("cpuset.cpus", "cpuset.mems"):
                    (tree / file).write_text((tree.parent / file).read_text())
        self.daemons.parent.mkdir(exist_ok=True)

    def processes(self) -> list[int]:
        """Everything that runs below our root."""
        files = self._marker().rglob("cgroup.procs") if self._marker().exists() else []
        return [int(pid) for file in files for pid in file.read_text().split()]

    def kill(self, timeout: float = 10.0) -> int:
        """SIGKILL until nothing runs below our root, `timeout` seconds at most; returns how many there were."""
        seen: set[int] = set()
        end = time.monotonic() + timeout
        while (left := self.processes()) and time.monotonic() < end:
            for pid in left:
                seen.add(pid)
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.05)
        return len(seen)

    def remove(self) -> None:
        """Remove our subtrees; they must be empty of processes."""
        for tree in self.trees.values():
            if tree.exists():
                # Leaves first: cgroupfs has no recursive removal, and its files vanish with their folder.
                for folder, _, _ in os.walk(tree, topdown=False):
                    _remove_when_free(folder)

    def _marker(self) -> Path:
        """One tree that holds every process: pids on v1 (runc joins all trees), the only one on v2."""
        return self.trees.get("pids") or self.trees["unified"]
