"""How many pods there are, and whether the activator stands in for them."""

from dataclasses import dataclass

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.spec import Autoscaling


@dataclass(frozen=True)
class Door:
    """Where the model's Service leads while no pod of it answers."""

    activators: tuple[tuple[str, str | None], ...]
    """(IP, node) of every activator that is ready: one at least."""


@dataclass(frozen=True)
class Scale:
    """What is decided outside of the spec."""

    replicas: int | None
    """Engine pods; None: someone else writes the Deployment's number."""
    port: int | None = None
    """The activator's port for this model; None where it never scales to zero."""
    door: Door | None = None
    """None while the Service leads to the pods alone."""


def built_in(md: ModelDeployment) -> Autoscaling | None:
    """The autoscaling that is ours to do."""
    autoscaling = md.spec.autoscaling
    return autoscaling if autoscaling is not None and autoscaling.type == "Builtin" else None


def external(md: ModelDeployment) -> bool:
    """Whether an HPA or KEDA decides."""
    return md.spec.autoscaling is not None and md.spec.autoscaling.type == "External"


def first_replicas(md: ModelDeployment) -> int | None:
    """Pods of a resource that has none yet. One that may be at zero starts with a pod: a first start shows that the
    model works, and whoever applies it is about to use it."""
    autoscaling = built_in(md)
    if autoscaling is not None:
        return max(autoscaling.min_replicas, 1)
    return None if external(md) else md.spec.replicas


def disruptable(md: ModelDeployment) -> bool:
    """Whether there may be more than one pod, so that drains must take one at a time."""
    autoscaling = built_in(md)
    if autoscaling is not None:
        return autoscaling.max_replicas > 1
    return external(md) or md.spec.replicas > 1
