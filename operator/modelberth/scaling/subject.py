"""What the loop must know of a ModelDeployment to ask its pods and to decide."""

from dataclasses import dataclass

from modelberth.api.spec import EngineType
from modelberth.scaling.policy import Bounds

Key = tuple[str, str]
"""(namespace, name) of a ModelDeployment."""


@dataclass(frozen=True)
class Pod:
    """An engine pod that answers."""

    uid: str
    address: str


@dataclass(frozen=True)
class Subject:
    """One autoscaled ModelDeployment, as its last reconcile saw it."""

    engine: EngineType
    bounds: Bounds
    replicas: int
    """Pods asked for."""
    pods: tuple[Pod, ...]
    """Those that answer."""
    unschedulable: bool
    """Whether the scheduler finds no node for one of them."""
