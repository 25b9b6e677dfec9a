"""The pods of one ModelDeployment as a person wants to know them. Pure."""

import json
from dataclasses import dataclass

from modelberth.cli.story.headline import Raw
from modelberth.cli.story.seen import Seen
from modelberth.manifests.names import FACTS_LABEL, PREFETCH_LABEL, REVISION

SIGNALS = {
    132: "SIGILL: a CPU without the instructions that the image needs",
    134: "SIGABRT: it gave up itself",
    135: "SIGBUS: often too little shared memory",
    137: "SIGKILL: by the kubelet after the grace period or a failed probe, or out of memory",
    139: "SIGSEGV: it crashed",
    143: "SIGTERM: it was asked to stop",
}
"""Exit codes that a shell would give for signals: 128 + n."""


@dataclass(frozen=True)
class End:
    """How a container ended."""

    exit_code: int
    reason: str
    """The kubelet's: Error, OOMKilled, Completed, ..."""
    at: str | None
    """RFC 3339."""
    words: str
    """What it wrote last, or what stands for it; may be empty or many lines."""

    @property
    def meaning(self) -> str:
        """OOMKilled (137), or Error (1)."""
        told = SIGNALS.get(self.exit_code) if self.reason != "OOMKilled" else "killed at its memory limit"
        text = f"exit code {self.exit_code} ({self.reason})" if self.reason else f"exit code {self.exit_code}"
        return f"{text}, {told}" if told else text


@dataclass(frozen=True)
class Container:
    """One container, init containers too."""

    name: str
    state: str
    """running, ended, or the reason for which it waits."""
    message: str
    """Why it waits, in the kubelet's words."""
    ready: bool
    restarts: int
    ended: End | None
    """Its end, or that of the run before."""
    running_since_end: bool
    """It ended once, and runs again."""

    @property
    def noteworthy(self) -> bool:
        """Whether a person should look at it."""
        failed = self.ended is not None and self.ended.exit_code != 0
        return failed or self.restarts > 0 or bool(self.message)


@dataclass(frozen=True)
class Pod:
    """One pod."""

    name: str
    role: str
    """engine, facts or prefetch."""
    revision: str
    newest: bool
    """Of the revision that the Deployment asks for; true for pods of other roles."""
    state: str
    """Running, Pending, Terminating, or the reason of the container that holds it up."""
    message: str
    """Why it is not scheduled, or why it was ended."""
    ready: bool
    ready_containers: int
    containers: int
    restarts: int
    node: str
    created: str | None
    deleted_at: str | None
    """When its grace period ends, RFC 3339; None while it is not being deleted."""
    details: tuple[Container, ...]


def pods_of(seen: Seen) -> list[Pod]:
    """Newest revision first, then by age, the youngest last."""
    wanted = _labels(((seen.deployment or {}).get("spec") or {}).get("template") or {}).get(REVISION)
    pods = [_pod(raw, wanted) for raw in seen.pods]
    return sorted(pods, key=lambda pod: (not pod.newest, pod.revision, pod.created or "", pod.name))


def _pod(raw: Raw, wanted: str | None) -> Pod:
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    labels = _labels(raw)
    role = "facts" if FACTS_LABEL in labels else "prefetch" if PREFETCH_LABEL in labels else "engine"
    revision = labels.get(REVISION, "")
    told = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    details = tuple(map(_container, told))
    # kubectl counts the init containers that stay beside the others.
    lasting = {each["name"] for each in spec.get("initContainers") or [] if each.get("restartPolicy") == "Always"}
    lasting |= {each["name"] for each in spec.get("containers") or []}
    return Pod(
        name=str(meta["name"]),
        role=role,
        revision=revision,
        newest=role != "engine" or wanted is None or revision == wanted,
        state=_state(raw, details),
        message=_message(status),
        ready=any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or []),
        ready_containers=sum(each.ready for each in details if each.name in lasting),
        containers=len(lasting),
        restarts=sum(each.restarts for each in details),
        node=str(spec.get("nodeName") or ""),
        created=meta.get("creationTimestamp"),
        deleted_at=meta.get("deletionTimestamp"),
        details=details,
    )


def _state(raw: Raw, details: tuple[Container, ...]) -> str:
    status = raw.get("status") or {}
    if raw["metadata"].get("deletionTimestamp"):
        return "Terminating"
    if status.get("reason"):
        return str(status["reason"])
    phase = str(status.get("phase") or "Unknown")
    if phase in ("Succeeded", "Failed"):
        return phase
    for each in details:
        if each.state not in ("running", "ended", "PodInitializing", "ContainerCreating"):
            return each.state
    if any(each.state == "running" and each.name in _ending(raw) for each in details):
        return "Initializing"
    return phase


def _ending(raw: Raw) -> set[str]:
    """Init containers that end before the others start."""
    containers = (raw.get("spec") or {}).get("initContainers") or []
    return {each["name"] for each in containers if each.get("restartPolicy") != "Always"}


def _message(status: Raw) -> str:
    if status.get("message"):
        return str(status["message"])
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            return str(condition.get("message") or "")
    return ""


def _container(told: Raw) -> Container:
    state, last = told.get("state") or {}, told.get("lastState") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or last.get("terminated")
    going = "running" if "running" in state else "ended"
    return Container(
        name=str(told["name"]),
        state=str(waiting.get("reason") or "waiting") if waiting else going,
        message=str(waiting.get("message") or ""),
        ready=bool(told.get("ready")),
        restarts=int(told.get("restartCount") or 0),
        ended=_end(ended) if ended else None,
        running_since_end="running" in state,
    )


def _end(ended: Raw) -> End:
    return End(
        exit_code=int(ended.get("exitCode") or 0),
        reason=str(ended.get("reason") or ""),
        at=ended.get("finishedAt"),
        words=_words(str(ended.get("message") or "")),
    )


def _words(message: str) -> str:
    """The fetcher reports in JSON: its reason and message."""
    try:
        report = json.loads(message)
    except ValueError:
        return message.strip()
    if isinstance(report, dict) and report.get("reason") and report.get("message"):
        return f"{report['reason']}: {report['message']}"
    return message.strip()


def _labels(raw: Raw) -> dict[str, str]:
    return (raw.get("metadata") or {}).get("labels") or {}
