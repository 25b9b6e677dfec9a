"""Why pods do not serve: an ordered chain of small checks; the first that speaks wins."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from modelberth.manifests.names import ENGINE, FETCH, RELAY
from modelberth.reconcile.observed import Observed, Raw
from modelberth.reconcile.problem import Problem

LAST_WORDS = 1500
"""Characters of a container's last output that go into a message."""

IMAGE_REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
CONFIG_REASONS = {"CreateContainerConfigError", "CreateContainerError"}


def check_pods(observed: Observed) -> Problem | None:
    """The first problem of the chain, or None while everything is on its way."""
    return next((problem for check in CHECKS if (problem := check(observed)) is not None), None)


def image_pull(observed: Observed) -> Problem | None:
    """An image that cannot be pulled: the kubelet tries for ever, more and more rarely."""
    for name, status in _containers(observed):
        waiting = _state(status, "waiting")
        if waiting.get("reason") in IMAGE_REASONS:
            image = status.get("image", "")
            advice = "Check the name and the tag, and the pull secret in spec.podTemplate.spec.imagePullSecrets."
            detail = _pull_error(waiting.get("message", ""))
            what = f"The image {image} of container {name} cannot be pulled"
            text = f"{what}{detail}. {advice}"
            return Problem("ImagePullFailed", text if detail else _told_before(observed, what) or text, stalled=True)
    return None


def missing_config(observed: Observed) -> Problem | None:
    """A Secret, a key of one, or a ConfigMap that the pod names does not exist."""
    for name, status in _containers(observed):
        waiting = _state(status, "waiting")
        if waiting.get("reason") in CONFIG_REASONS:
            return Problem(
                "ConfigMissing", f"Container {name} cannot start: {waiting.get('message', '')}", stalled=True
            )
    return None


def fetch_failed(observed: Observed) -> Problem | None:
    """The fetcher says itself why, as JSON in its termination message."""
    for name, status in _containers(observed):
        ended = _ended(status)
        if name != FETCH or not ended or ended.get("exitCode") == 0:
            continue
        report = fetch_report(ended)
        if report.get("reason") and report.get("message"):
            # The kubelet starts the fetcher again: an outage of the hub ends by itself.
            return Problem(str(report["reason"]), str(report["message"]), stalled=report.get("transient") is not True)
        return Problem("DownloadFailed", f"The weights could not be fetched: {_last_words(ended)}", stalled=True)
    return None


def out_of_memory(observed: Observed) -> Problem | None:
    """The kernel killed the engine at the container's memory limit."""
    for name, status in _containers(observed):
        if name == ENGINE and _ended(status).get("reason") == "OOMKilled" and not status.get("ready"):
            text = "The engine was killed at its memory limit. Raise spec.resources.limits.memory, or lower "
            return Problem("OutOfMemory", text + "spec.maxModelLen or spec.gpuMemoryUtilization.", stalled=True)
    return None


def crash_loop(observed: Observed) -> Problem | None:
    """The engine ended and is started again; it stays a problem until it answers."""
    for name, status in _containers(observed):
        ended = _ended(status)
        if name == ENGINE and ended and not status.get("ready"):
            text = f"The engine ended with exit code {ended.get('exitCode')}: {_last_words(ended)}"
            return Problem("CrashLoop", text, stalled=True)
    return None


def relay_failed(observed: Observed) -> Problem | None:
    """The relay ended: a pod without it is not ready, whatever its engine says. The kubelet starts it again."""
    for name, status in _containers(observed):
        ended = _ended(status)
        if name == RELAY and ended and not status.get("ready"):
            if ended.get("reason") == "OOMKilled":
                what = "it was killed at its memory limit. Raise that of initContainers relay in spec.podTemplate"
            else:
                what = f"it ended with exit code {ended.get('exitCode')}: {_last_words(ended)}"
            text = f"The relay, which hands out the engine's metrics, does not run: {what}"
            return Problem("RelayFailed", text, stalled=True)
    return None


def pod_failed(observed: Observed) -> Problem | None:
    """The kubelet refused or ended the pod as a whole (evicted, node affinity, ...).

    Such pods stay for hours beside those that replaced them, so they are no problem once all replicas answer.
    """
    workload = observed.workload or {}
    ready = (workload.get("status") or {}).get("readyReplicas") or 0
    if ready >= (workload.get("spec") or {}).get("replicas", 1):
        return None
    for pod in observed.pods:
        status = pod.get("status", {})
        if status.get("phase") == "Failed" and status.get("reason"):
            text = f"A pod was ended by its node: {status['reason']}: {status.get('message', '')}"
            return Problem("PodFailed", text, stalled=False)
    return None


def rejected(observed: Observed) -> Problem | None:
    """The API server refuses the pods: a quota, Pod Security, a webhook. Only the Deployment says so."""
    for condition in ((observed.workload or {}).get("status") or {}).get("conditions") or []:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            message = condition.get("message", "")
            reason = "QuotaExceeded" if "exceeded quota" in message else "PodRejected"
            return Problem(reason, f"The API server refuses the pods: {_stable(message)}", stalled=True)
    return None


def missing_claim(observed: Observed) -> Problem | None:
    """The scheduler, not the kubelet, notices that a PersistentVolumeClaim does not exist."""
    for message in _unschedulable_messages(observed):
        if found := re.search(r'persistentvolumeclaim "([^"]+)" not found', message):
            text = f"There is no PersistentVolumeClaim {found[1]} in this namespace: create it, or correct the URI."
            return Problem("ConfigMissing", text, stalled=True)
    return None


def unschedulable(observed: Observed) -> Problem | None:
    """No node takes the pod now; one may come (a cluster autoscaler), so this is not the end."""
    for message in _unschedulable_messages(observed):
        text = message.split(" preemption:")[0].rstrip(".")
        return Problem("Unschedulable", f"No node takes the pod: {text}.", stalled=False)
    return None


# An order of causes: what is named first explains what is named after it.
CHECKS: tuple[Callable[[Observed], Problem | None], ...] = (
    rejected,
    image_pull,
    missing_config,
    fetch_failed,
    out_of_memory,
    crash_loop,
    relay_failed,
    missing_claim,
    unschedulable,
    pod_failed,
)


def weights_there(observed: Observed) -> bool:
    """Whether the weights of some pod are complete: its engine was started."""
    return any(
        name == ENGINE and ((status.get("started") is not None and _state(status, "running")) or _ended(status))
        for name, status in _containers(observed)
    )


def fetch_report(ended: Raw) -> dict[str, Any]:
    """The fetcher's JSON; empty where it died before it could write one."""
    try:
        report = json.loads(ended.get("message") or "")
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}


def _containers(observed: Observed) -> Iterator[tuple[str, Raw]]:
    """Containers of the pods that still run: those of an evicted pod end with it, which is not their failure."""
    for pod in observed.pods:
        yield from _containers_of(pod)


def _containers_of(pod: Raw) -> Iterator[tuple[str, Raw]]:
    status = pod.get("status", {})
    if status.get("phase") != "Failed":
        for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
            yield container["name"], container


def _unschedulable_messages(observed: Observed) -> Iterator[str]:
    for pod in observed.pods:
        for condition in pod.get("status", {}).get("conditions") or []:
            if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
                yield str(condition.get("message", ""))


def _state(status: Raw, name: str) -> Raw:
    state: Raw = (status.get("state") or {}).get(name) or {}
    return state


def _ended(status: Raw) -> Raw:
    """How the container ended last, whether it waits for its next start or runs again."""
    return _state(status, "terminated") or (status.get("lastState") or {}).get("terminated") or {}


def _last_words(ended: Raw) -> str:
    words = str(ended.get("message") or "").strip()
    return words[-LAST_WORDS:] if words else f"it left no message ({ended.get('reason', 'Error')})"


def _told_before(observed: Observed, start: str) -> str:
    """What Stalled says already, if it is this. Before Kubernetes 1.32 ImagePullBackOff hides why."""
    messages = (c["message"] for c in observed.status.get("conditions") or [] if c["type"] == "Stalled")
    return next((str(message) for message in messages if message.startswith(start)), "")


def _pull_error(message: str) -> str:
    # ErrImagePull and ImagePullBackOff alternate; the second one wraps or hides the text of the first.
    text = re.sub(r'^Back-off pulling image "[^"]*"(: \w+: )?', "", message).strip()
    return f": {_stable(text)}" if text else ""


def _stable(text: str) -> str:
    """Without what differs from one try to the next: generated pod names and request ids."""
    return re.sub(r'pods? "([a-z0-9.-]+?)-[a-z0-9]{5,10}-[a-z0-9]{5}"', r'pod "\1"', text)[:LAST_WORDS]
