"""Pods of the release: who leads, and how they die."""

import os
import signal
from pathlib import Path

from e2e.install.stage import SYSTEM, Stage


def leader(stage: Stage) -> str:
    """Pod that holds the lease; empty while nobody does."""
    holder: str = stage.kubectl.json("-n", SYSTEM, "get", "lease", "modelberth")["spec"].get("holderIdentity", "")
    return holder.rsplit("-", 1)[0]


def kill(stage: Stage, pod: str) -> None:
    """SIGKILL where the pod is a process of this machine (the local way), else it is forced away.

    A leader that is asked to stop releases its lease, and an activator serves what it holds: those are the easy cases.
    """
    marker = f"HOSTNAME={pod}".encode()  # the runtime sets it in every container
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker in environ.read_bytes().split(b"\0"):
                os.kill(int(environ.parent.name), signal.SIGKILL)
                return
        except OSError:
            continue
    stage.kubectl("-n", SYSTEM, "delete", "pod", pod, "--grace-period=0", "--force")
