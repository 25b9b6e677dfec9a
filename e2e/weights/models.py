"""ModelDeployments with caches, and what their status said over time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from e2e.conftest import Space
from e2e.resources import small

SIZE = 98_362_432
"""Bytes of the GGUF of SmolLM2: all that llama.cpp needs of its repository."""
LEAN = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}
"""For many pods beside each other: they answer nothing."""


def cached(name: str, claim: str, **spec: Any) -> dict[str, Any]:
    """The small model with a claim of the test's as its cache."""
    cache = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": claim}}
    return small(name, **{"weights": {"cache": cache}, "resources": LEAN, **spec})


def weights(space: Space, name: str) -> dict[str, Any]:
    """status.weights as it is now."""
    found: dict[str, Any] = space.json("get", f"modeldeployment/{name}").get("status", {}).get("weights", {})
    return found


@dataclass(frozen=True)
class Moment:
    """A status.weights, and when it was seen first."""

    seconds: float
    """Unix time."""
    weights: dict[str, Any]

    @property
    def phase(self) -> str:
        return str(self.weights.get("phase"))


def story(space: Space, name: str, ends: Callable[[dict[str, Any]], bool], timeout_s: float = 120) -> list[Moment]:
    """Every status.weights that was seen until ``ends`` is true of one. Raises AssertionError after ``timeout_s``."""
    told: list[Moment] = []
    end = time.monotonic() + timeout_s
    while not told or not ends(told[-1].weights):
        assert time.monotonic() < end, f"not within {timeout_s:.0f} s: {told}"
        now = weights(space, name)
        if not told or told[-1].weights != now:
            told.append(Moment(time.time(), now))
        time.sleep(0.3)
    return told


def is_complete(weights: dict[str, Any]) -> bool:
    return weights.get("phase") == "Complete"
