"""What the operator asks of an engine, and what an engine says about itself."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from modelberth.api.engine_facts import EngineFacts, Version
from modelberth.api.spec import Spec
from modelberth.engines.capacity import Capacity
from modelberth.engines.load import Load
from modelberth.planner import plan


@dataclass(frozen=True)
class Berth:
    """Everything an engine's command line depends on."""

    name: str
    """metadata.name; the default of model.servedName."""
    spec: Spec
    model_path: str
    """Where the weights are in the container: a folder, or a file for one GGUF."""
    version: Version
    budget: plan.Launch

    @property
    def served_name(self) -> str:
        return self.spec.model.served_name or self.name


@dataclass(frozen=True)
class Launch:
    """How the engine container starts: pieces of a Kubernetes container, as plain data."""

    command: tuple[str, ...]
    """Empty: the image's own entrypoint."""
    args: tuple[str, ...]
    env: tuple[dict[str, Any], ...] = ()
    secret_files: dict[str, tuple[str, str]] = field(default_factory=dict)
    """File path in the container -> (Secret name, key), for an engine that reads its API key from a file."""


@dataclass(frozen=True)
class Drain:
    """What the engine does with running streams on SIGTERM (docs/engines.md)."""

    finishes_streams: bool
    health_fails_at_once: bool


class Engine(Protocol):
    """One inference engine."""

    facts: EngineFacts
    port: int
    metrics_port: int
    """Port of the pod where the metrics are open without the API key."""
    metrics_path: str
    drain: Drain
    hooks: bool
    """Whether its container has a python3 that starts it and loads what manifests/hooks.py puts there."""
    default_cpu: str
    """cpu request of the container where spec.resources has none, as a quantity."""
    default_memory: str
    """memory request of the container where spec.resources has none, as a quantity."""

    def launch(self, berth: Berth) -> Launch: ...

    def probes(self) -> dict[str, dict[str, Any]]:
        """startupProbe, readinessProbe and livenessProbe of the container; the port is named ``http``."""
        ...

    def capacity_path(self, spec: Spec) -> str | None:
        """Where the running engine tells the size of its KV cache without a key; None where it does not."""
        ...

    def capacity(self, text: str, spec: Spec) -> Capacity | None:
        """The size of the KV cache from what is served there; None where the text does not say it."""
        ...

    def load(self, text: str) -> Load | None:
        """What the engine has to do, from the text behind metrics_path; None where the text does not say it."""
        ...
