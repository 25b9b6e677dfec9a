"""How many pods were decided on, and why."""

from dataclasses import dataclass

from modelberth.manifests.scale import Scale
from modelberth.scaling.policy import Decision
from modelberth.scaling.target import TargetFrom


@dataclass(frozen=True)
class Size:
    """What there should be now."""

    scale: Scale
    """The next step: on the way to zero the pods stay until the activator is known to stand in for them."""
    wanted: int = 0
    """Where the steps lead; without meaning where Modelberth does not scale."""
    target: tuple[int, TargetFrom] | None = None
    """Requests that one pod is meant for, and who says so; None where Modelberth does not scale."""
    decision: Decision | None = None
    """None before the first look at the load."""
    again_s: float | None = None
    """When to look again without an event."""
