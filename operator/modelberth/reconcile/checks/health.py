"""Engines that the kubelet's probes gave up on."""

from modelberth.manifests.names import ENGINE
from modelberth.reconcile.checks.case import Case, Container, between
from modelberth.reconcile.checks.found import Found
from modelberth.reconcile.checks.words import last_words
from modelberth.reconcile.observed import Raw

PATIENCE_S = 25.0
"""Seconds that an engine may not answer before it is told: a readiness probe fails now and then under load."""
_ENDED_FROM_OUTSIDE = {0, 137, 143}
"""Exit codes of a server that was told to end, or was killed."""


def start_timeout(case: Case) -> Found | None:
    """The startup probe ends the engine. Only an Event says so: a run took all the time that the probe gives it."""
    probe: Raw | None = case.container_spec(ENGINE).get("startupProbe")
    if probe is None:
        return None
    for container in case.containers(ENGINE):
        ended, start = container.ended, container.running.get("startedAt")
        if not container.served and _took(ended) >= _until_killed(probe):
            # A server that was told to end exits with 0, and leaves nothing.
            words = f"its last words: {last_words(ended)}" if ended.get("message") else ""
            return _too_slow(probe, words)
        # It is told to end, and may take its time.
        if start and container.status.get("started") is False:
            left = case.left(start, _budget(probe) + 1)
            if left is not None:
                return _too_slow(probe, in_s=left)
    return None


def given_up(case: Case) -> Found | None:
    """The engine answered once and was ended from outside, as the kubelet does when the liveness probe fails."""
    for container in case.containers(ENGINE):
        if container.served and container.ended.get("exitCode") in _ENDED_FROM_OUTSIDE:
            return _unhealthy(container)
    return None


def unhealthy(case: Case) -> Found | None:
    """The engine started, runs, and does not answer."""
    for container in case.containers(ENGINE):
        if not container.running or not container.status.get("started") or container.ready:
            continue
        left = case.left(container.pod["status"].get("changedAt"), PATIENCE_S)
        if left is not None:
            return _unhealthy(container, left)
    return None


def _unhealthy(container: Container, in_s: float = 0.0) -> Found:
    # One text before and after the kubelet ends it: it is one failure.
    return Found(
        "Unhealthy",
        "The engine has started and does not answer its probes",
        "its liveness probe has it started again when that lasts",
        "kubectl logs POD -c engine says what it is busy with; a probe of your own in spec.podTemplate may ask the "
        "wrong path",
        stalled=False,
        in_s=in_s,
    )


def _too_slow(probe: Raw, words: str = "", in_s: float = 0.0) -> Found:
    what = f"The engine did not answer within {_budget(probe)} s of its start, and its startup probe ended it"
    advice = (
        "Give it more time by startupProbe.failureThreshold of container engine in spec.podTemplate, or faster weights "
        "(spec.weights.cache)"
    )
    return Found("StartTimeout", what, words, advice, in_s=in_s)


def _took(ended: Raw) -> float:
    """Seconds of a run, rounded up as its times are cut to seconds; below zero where it is not known."""
    if not ended.get("startedAt") or not ended.get("finishedAt"):
        return -1.0
    return between(ended["startedAt"], ended["finishedAt"]) + 1


def _until_killed(probe: Raw) -> int:
    """Seconds until the last probe of the budget fails."""
    return int(probe.get("initialDelaySeconds", 0)) + _period(probe) * (int(probe.get("failureThreshold", 3)) - 1)


def _budget(probe: Raw) -> int:
    return int(probe.get("initialDelaySeconds", 0)) + _period(probe) * int(probe.get("failureThreshold", 3))


def _period(probe: Raw) -> int:
    return int(probe.get("periodSeconds", 10))
