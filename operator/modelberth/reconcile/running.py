"""Whose numbers speak of the pods that run now. Pure.

All pods of a revision have the same spec, so one of them stands for all: the first by name that answers.
"""

from dataclasses import dataclass, field

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.spec import Spec
from modelberth.engines.capacity import Capacity
from modelberth.engines.catalogue import ENGINES
from modelberth.manifests.names import ENGINE
from modelberth.reconcile.counts import pods_of
from modelberth.reconcile.measured import recorded
from modelberth.reconcile.observed import Observed, Raw


@dataclass(frozen=True)
class Question:
    """One start of an engine container. A start has one size of its KV cache, so it is asked once."""

    pod: str
    """uid"""
    started: str
    """startedAt of the container."""
    address: str = field(compare=False)
    """IP of the pod."""
    path: str = field(compare=False)
    spec: Spec = field(compare=False, repr=False)


def carried(observed: Observed) -> Capacity | None:
    """What the status says already, while pods answer and none of an older revision is there: nobody is asked again."""
    pods = pods_of(observed)
    return recorded(observed.status) if pods.ready > 0 and not pods.replacing else None


def question_of(md: ModelDeployment, observed: Observed) -> Question | None:
    """Whom to ask; None while no pod of the newest revision answers, or while pods of an older one are there."""
    path = ENGINES[md.spec.engine.type].capacity_path(md.spec)
    if path is None or not pods_of(observed).current:
        return None
    for pod in sorted(observed.pods, key=lambda pod: str(pod["metadata"]["name"])):
        address, started = pod["status"].get("podIP"), _answering_since(pod)
        if address and started:
            return Question(pod["metadata"]["uid"], started, address, path, md.spec)
    return None


def _answering_since(pod: Raw) -> str | None:
    """When the engine container that answers now was started."""
    for container in pod["status"].get("containerStatuses") or []:
        if container["name"] == ENGINE and container.get("ready"):
            started: str | None = (container.get("state", {}).get("running") or {}).get("startedAt")
            return started
    return None
