"""What the checks look at: the pods of one revision with their containers, and what these were built from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from modelberth.api.spec import EngineType
from modelberth.manifests.names import ENGINE
from modelberth.reconcile.observed import (
    Observed,
    Raw,
    container_state,
    container_statuses,
    newest_revision,
    revision,
)

STEADY_S = 30.0
"""Seconds after which a container that ended before is taken to run again, where no probe tells it."""
_ENGINES = {engine.lower(): engine for engine in get_args(EngineType)}


@dataclass(frozen=True)
class Container:
    """A container of a pod, as the kubelet tells of it."""

    pod: Raw
    status: Raw
    now: str | None = None

    @property
    def name(self) -> str:
        return str(self.status["name"])

    @property
    def image(self) -> str:
        return str(self.status.get("image", ""))

    @property
    def ready(self) -> bool:
        return bool(self.status.get("ready"))

    @property
    def waiting(self) -> Raw:
        return container_state(self.status, "waiting")

    @property
    def running(self) -> Raw:
        return container_state(self.status, "running")

    @property
    def ended(self) -> Raw:
        """How it ended last, whether it waits for its next start or runs again; empty where it never did, or where
        that is over."""
        ended: Raw = (
            container_state(self.status, "terminated") or (self.status.get("lastState") or {}).get("terminated") or {}
        )
        return {} if self._recovered() else ended

    def steady_in(self) -> float | None:
        """Seconds until it is taken to run again; None where time alone does not tell that."""
        start = self.running.get("startedAt")
        if self.name == ENGINE or not self.ready or not start or self.now is None:
            return None
        return STEADY_S - between(start, self.now)

    @property
    def served(self) -> bool:
        """Whether it had answered before it ended."""
        return self._answered_since(self.ended.get("startedAt"))

    @property
    def engine(self) -> EngineType | None:
        """The engine that its pod was built for."""
        return _ENGINES.get((self.pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name", ""))

    def _recovered(self) -> bool:
        if self.name == ENGINE:
            return self.ready or self._answered_since(self.running.get("startedAt"))
        # Without a probe a container is ready as soon as it runs, also one that ends a moment later each time.
        return self.ready and (self.steady_in() or 0.0) <= 0

    def _answered_since(self, start: str | None) -> bool:
        # The pod's readiness changes when its containers answer for the first time, and when they stop.
        changed = condition(self.pod, "ContainersReady").get("lastTransitionTime")
        return bool(start and changed and changed > start)


@dataclass(frozen=True)
class Case:
    """The pods of one revision."""

    pods: list[Raw]
    workload: Raw | None = None
    """The Deployment, where these pods are of its newest template."""
    plan: Raw = field(default_factory=dict)
    """status.plan of the revision that runs; empty where nothing was planned."""
    model_image: str = ""
    """Reference of the image that holds the model; empty where none does."""
    now: str | None = None
    """RFC 3339, UTC; None: what depends on time is not looked at."""

    def containers(self, *names: str) -> Iterator[Container]:
        """Those of the pods that still run: containers of an evicted pod end with it, which is not their failure."""
        for pod in self.pods:
            if pod.get("status", {}).get("phase") == "Failed":
                continue
            for one in container_statuses(pod):
                if not names or one["name"] in names:
                    yield Container(pod, one, self.now)

    @property
    def pod_spec(self) -> Raw:
        """spec of the pods' template; empty where it is not known."""
        spec: Raw = ((self.workload or {}).get("spec", {}).get("template") or {}).get("spec") or {}
        return spec

    def container_spec(self, name: str) -> Raw:
        """The template of a container; empty where it is not known."""
        listed = [*(self.pod_spec.get("initContainers") or []), *(self.pod_spec.get("containers") or [])]
        return next((one for one in listed if one["name"] == name), {})

    def left(self, since: str | None, seconds: float) -> float | None:
        """Seconds until that much time has passed; None where one of the times is not known."""
        return None if self.now is None or not since else seconds - between(since, self.now)


def cases_of(observed: Observed, now: str | None) -> tuple[Case, Case]:
    """The pods of the newest revision, and those of older ones."""
    workload, image = observed.workload, _model_image(observed)
    if workload is None:
        return Case(observed.pods, model_image=image, now=now), Case([])
    plan = observed.frozen.facts.planned.record if observed.frozen else {}
    newest = newest_revision(workload)
    groups: dict[bool, list[Raw]] = {True: [], False: []}
    for pod in observed.pods:
        groups[revision(pod) == newest].append(pod)
    return Case(groups[True], workload, plan, image, now), Case(groups[False], model_image=image, now=now)


def _model_image(observed: Observed) -> str:
    uri = str((observed.resource.get("spec") or {}).get("model", {}).get("uri", ""))
    return uri.removeprefix("oci://") if uri.startswith("oci://") else ""


def condition(pod: Raw, kind: str) -> Raw:
    """A condition of a pod; empty where it has none."""
    conditions: list[Raw] = pod.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one.get("type") == kind), {})


def between(start: str, end: str) -> float:
    """Seconds between two times in RFC 3339."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
