"""What one reconcile found, for the status to tell."""

from dataclasses import dataclass, field

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.engines.capacity import Capacity
from modelberth.planner.planned import Planned
from modelberth.reconcile.observed import Observed, Raw
from modelberth.reconcile.problem import Problem
from modelberth.reconcile.rollout import Rollout
from modelberth.reconcile.size import Size


@dataclass(frozen=True)
class EngineRun:
    """The engine as it is configured now."""

    image: str
    version: str
    version_assumed: bool


@dataclass(frozen=True)
class Verdict:
    """What this reconcile found."""

    md: ModelDeployment | None
    """None where the spec is invalid."""
    observed: Observed
    problem: Problem | None = None
    engine: EngineRun | None = None
    commit: str | None = None
    planned: Planned | None = None
    """None while the model's files are read."""
    weights: Raw = field(default_factory=dict)
    """How far the weights are: phase and bytes, as status.weights tells them."""
    capacity: Capacity | None = None
    """What the engine says of its KV cache."""
    size: Size | None = None
    """None while no pods are asked for, or nothing was built."""
    rollout: Rollout | None = None
    """None where nothing was built."""

    @property
    def held_for(self) -> bool:
        """Whether requests are held while no pod answers: the URL works all the same."""
        return self.size is not None and self.size.scale.door is not None
