"""What every engine's budget is made from and what it says."""

from collections.abc import Callable
from dataclasses import dataclass, field

from modelberth.api.engine_facts import Version
from modelberth.api.finding import Finding
from modelberth.api.spec import Spec
from modelberth.planner.arguments import Arguments
from modelberth.planner.files import ModelFiles
from modelberth.planner.gpus import Gpu
from modelberth.planner.model import Model
from modelberth.planner.overheads import Profiles, shipped_profiles
from modelberth.planner.plan import DOES_NOT_FIT, Launch


@dataclass(frozen=True)
class Situation:
    """One replica: what is to be served and on what."""

    spec: Spec
    version: Version
    model: Model
    memory: int
    """Bytes of one GPU; device CPU: of the container's limit."""
    gpu: Gpu | None
    """None on device CPU."""
    arguments: Arguments
    max_model_len: int
    """spec.maxModelLen, else what the model was made for, in tokens."""
    files: ModelFiles = field(default_factory=ModelFiles)
    """What the model was read from: GGUF headers say more than a Model holds."""
    profiles: Profiles = field(default_factory=shipped_profiles)
    """Overheads besides weights and KV cache."""
    memory_fraction: float | None = None
    """SGLang's --mem-fraction-static where it does not follow from spec.gpuMemoryUtilization."""


@dataclass(frozen=True)
class Budget:
    """Where the bytes of the fullest GPU go. budget = weights + activation + overhead + kv_cache."""

    budget: int
    weights: int
    activation: int
    overhead: int
    kv_cache: int
    """Negative where weights and overheads alone exceed the budget."""
    kv_tokens: int
    """Of the replica: all data ranks together."""
    max_concurrency: float
    """Sequences of max_model_len tokens, of the replica."""
    launch: Launch
    problems: tuple[Finding, ...] = ()
    """Why the engine would not start; empty: it fits."""
    warnings: tuple[Finding, ...] = ()
    """What somebody should know of a plan that fits."""
    assumed: tuple[str, ...] = ()


BudgetRule = Callable[[Situation], Budget]
"""An engine's arithmetic. Never raises."""


def does_not_fit(field: str, message: str) -> Finding:
    """A finding that the plan does not fit."""
    return Finding(field, message, DOES_NOT_FIT)


def gib(size: int) -> str:
    """Bytes for people: "12.34 GiB"."""
    return f"{size / 2**30:.2f} GiB"
