"""Containers that end and are started again, for no reason that an earlier check knows."""

from modelberth.manifests.names import ENGINE, FETCH, RELAY
from modelberth.reconcile.checks.case import Case, Container
from modelberth.reconcile.checks.found import Found
from modelberth.reconcile.checks.words import last_words, scrubbed

_CANNOT_START = {"CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun"}
"""https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/kubelet/container/sync_result.go; the last two
are the runtime's."""


def crash_loop(case: Case) -> Found | None:
    """It stays a problem until the container answers."""
    for container in case.containers():
        if container.name in (FETCH, RELAY):
            continue
        if (error := start_error(container)) is not None:
            advice = "Is it an image for this container? Its command and its devices must exist"
            return Found("CrashLoop", f"{_subject(container)} cannot be started", error, advice)
        ended = container.ended
        if ended and (ended.get("exitCode") != 0 or container.name == ENGINE):
            return Found(
                "CrashLoop",
                f"{_subject(container)} ends again and again",
                f"exit code {ended.get('exitCode')}: {last_words(ended)}",
                f"kubectl logs POD -c {container.name} --previous has all of it",
                # An engine that served until then may do so again.
                stalled=container.name != ENGINE or not container.served,
                until_s=container.steady_in(),
            )
    return None


def relay_failed(case: Case) -> Found | None:
    """The relay ended: a pod without it is not ready, whatever its engine says. The kubelet starts it again."""
    for container in case.containers(RELAY):
        ended = container.ended
        if not ended:
            continue
        what = "The relay, which hands out the engine's metrics, does not run"
        if ended.get("reason") == "OOMKilled":
            advice = "Raise the memory limit of initContainers relay in spec.podTemplate"
            words = "it was killed at its memory limit"
        else:
            advice = "kubectl logs POD -c relay --previous has all of it"
            words = f"it ended with exit code {ended.get('exitCode')}: {last_words(ended)}"
        return Found("RelayFailed", what, words, advice, until_s=container.steady_in())
    return None


def start_error(container: Container) -> str | None:
    """Why the runtime could not start the container at all; None where it could."""
    for state in (container.waiting, container.ended):
        if state.get("reason") in _CANNOT_START:
            return scrubbed(str(state.get("message") or state["reason"])).strip()
    return None


def _subject(container: Container) -> str:
    return "The engine" if container.name == ENGINE else f"Container {container.name}"
