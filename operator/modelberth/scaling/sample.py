"""What the policy is told: the bounds that the resource sets, and how things are at one moment."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """What spec.autoscaling says, defaults filled in."""

    min_replicas: int
    max_replicas: int
    target_concurrency: int
    """Requests, running and waiting, that one replica is meant for; at least 1."""
    scale_down_delay_s: float
    idle_before_zero_s: float


@dataclass(frozen=True)
class Sample:
    """One look at a model."""

    at_s: float
    """Seconds of a clock that never goes back."""
    replicas: int
    """Asked for now: the Deployment's spec.replicas."""
    ready: int
    """Replicas that take requests."""
    unschedulable: bool
    """The scheduler has no place for a replica that is asked for."""
    running: int
    """Requests that engines work on, over all replicas that answered."""
    waiting: int
    """Requests in the engines' queues, likewise."""
    kv_usage: float | None
    """Share of the KV cache in use, 0..1, of the fullest replica; None where no engine tells."""
    held: int
    """Requests that the activator holds."""
    complete: bool
    """Every ready replica answered."""
    active: bool
    """A request ran, waited, was held, or was counted since the last sample."""

    @property
    def load(self) -> int:
        """Every request that is known."""
        return self.running + self.waiting + self.held

    @property
    def loading(self) -> bool:
        """No replica has had its chance to be asked yet."""
        return self.ready == 0 < self.replicas

    @property
    def coming(self) -> bool:
        """Replicas that are asked for are not ready yet."""
        return self.ready < self.replicas
