"""When pods failed first, from a watch of all of them: the kubelet forgets all but the last end of a container."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Thread
from typing import Any, BinaryIO

from e2e.conftest import Space

Raw = dict[str, Any]
_OWNER = "modelberth.dev/modeldeployment"
_FACTS = "modelberth.dev/facts"
_ON_THE_WAY = {"ContainerCreating", "PodInitializing", "CrashLoopBackOff"}


@dataclass
class Failures:
    """Unix time of the first failure by name of the ModelDeployment."""

    begins: dict[str, Callable[[Raw], bool]]
    """What counts as the failure of some of them, seen when the watch tells it."""
    first: dict[str, float] = field(default_factory=dict)

    def see(self, pod: Raw) -> None:
        labels = pod["metadata"].get("labels") or {}
        name = labels.get(_OWNER) or labels.get(_FACTS)
        if name is None or name in self.first:
            return
        own = self.begins.get(name)
        failed = _failed(pod) if own is None else (time.time() if own(pod) else None)
        if failed is not None:
            self.first[name] = failed


def _failed(pod: Raw) -> float | None:
    status = pod["status"]
    for condition in status.get("conditions") or []:
        if condition.get("reason") == "Unschedulable":
            return unix(condition["lastTransitionTime"])
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        for state in (container.get("state") or {}, container.get("lastState") or {}):
            ended = state.get("terminated")
            if ended and (ended["exitCode"] != 0 or container["name"] == "engine"):
                # Some never ran: their times are those of the year 1970.
                return max(unix(ended["finishedAt"]), unix(pod["metadata"]["creationTimestamp"]))
            if state.get("waiting", {}).get("reason", "ContainerCreating") not in _ON_THE_WAY:
                return time.time()
    return None


def unix(moment: str) -> float:
    """Unix time of an RFC 3339 time."""
    return datetime.fromisoformat(moment).timestamp()


@contextmanager
def watched(space: Space, begins: dict[str, Callable[[Raw], bool]]) -> Iterator[Failures]:
    """The failures of a namespace's pods, as long as this lasts."""
    failures = Failures(begins)
    kubectl = space.platform.kubectl
    command = [kubectl.path, "-n", space.name, "get", "pods", "--watch", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PATH": "/usr/bin:/bin", **kubectl.env}) as process:
        assert process.stdout is not None
        reader = Thread(target=_read, args=(process.stdout, failures), daemon=True)
        reader.start()
        try:
            yield failures
        finally:
            process.terminate()
            reader.join(10)


def _read(stream: BinaryIO, failures: Failures) -> None:
    """kubectl writes one indented document after the other."""
    lines: list[bytes] = []
    for line in stream:
        lines.append(line)
        if line.rstrip() == b"}" and not line.startswith(b" "):
            pod = json.loads(b"".join(lines))
            lines = []
            for one in pod.get("items", [pod]):
                failures.see(one)
