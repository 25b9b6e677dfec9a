"""Starts programs that outlive this one, and later finds exactly those again by their pid files."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.commands import tail
from e2e.cluster.interface import ClusterError


@dataclass(frozen=True)
class Daemon:
    """A program to keep running. `environ` is all it gets: a proxy of the user's shell is not for the cluster."""

    name: str
    argv: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)


def started(pid: int) -> int | None:
    """When process `pid` started (clock ticks since boot), None if it does not run.

    A pid is used again, a pid with its start time within one boot is not.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may hold blanks: count from behind it. man 5 proc: state is field 3, starttime 22.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Daemons:
    """The daemons whose pid files are in one folder."""

    def __init__(self, pids: Path, logs: Path) -> None:
        self.pids = pids
        self.logs = logs

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def running(self, name: str) -> int | None:
        """The daemon's pid; None if it is not running, or if another process has that pid now."""
        try:
            known = json.loads((self.pids / f"{name}.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        # One that died before its start time could be read was written down without one.
        if known["started"] is None or known["boot"] != boot() or started(known["pid"]) != known["started"]:
            return None
        return int(known["pid"])

    def names(self) -> list[str]:
        """Every daemon that was started here and not stopped."""
        return sorted(file.stem for file in self.pids.glob("*.json")) if self.pids.exists() else []

    def start(self, daemon: Daemon, procs: Path | None = None) -> int:
        """Start it unless it runs, in the control group whose cgroup.procs is `procs`; returns its pid."""
        running = self.running(daemon.name)
        if running:
            return running
        self.pids.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.log(daemon.name)
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        argv = list(daemon.argv)
        if procs:
            # The shell joins the group and becomes the daemon, so that none of its children is ever outside.
            argv = ["/bin/sh", "-c", 'echo 0 > "$0" && exec "$@"', str(procs), *argv]
        with log.open("w") as output:
            # A session of its own: Ctrl-C on the terminal is not for daemons.
            process = subprocess.Popen(
                argv, env=dict(daemon.environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        known = {"pid": process.pid, "started": started(process.pid), "boot": boot()}
        (self.pids / f"{daemon.name}.json").write_text(json.dumps(known))
        return process.pid

    def stop(self, names: Iterable[str], timeout: float = 10.0) -> None:
        """SIGTERM to all, SIGKILL to those still there after `timeout` seconds."""
        names = list(names)
        for how, patience in ((signal.SIGTERM, timeout), (signal.SIGKILL, 5.0)):
            left = [pid for name in names if (pid := self.running(name))]
            for pid in left:
                try:
                    os.kill(pid, how)
                except ProcessLookupError:
                    continue
            end = time.monotonic() + patience
            while any(map(self.running, names)) and time.monotonic() < end:
                time.sleep(0.05)
        for name in names:
            (self.pids / f"{name}.json").unlink(missing_ok=True)

    def check(self, name: str) -> None:
        """Raises ClusterError with the end of its log if the daemon died."""
        if not self.running(name):
            log = self.log(name)
            said = tail(log.read_text(errors="replace")) if log.exists() else "(no log)"
            raise ClusterError(f"{name} stopped (log: {log}):\n{said}")
