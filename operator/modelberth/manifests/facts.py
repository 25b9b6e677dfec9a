"""What pods are built from beside the spec: looked up and computed once per change of it."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.planner.planned import Planned


@dataclass(frozen=True)
class Facts:
    """Looked up and computed once per change of the spec."""

    planned: Planned
    commit: str | None = None
    """Commit of the repository; None for pvc:// and oci://."""


def inputs_of(md: ModelDeployment) -> str:
    """Digest of everything in the spec that shapes pods."""
    return digest(_shaping(md))


def model_of(md: ModelDeployment) -> str:
    """Digest of spec.model."""
    return digest(_shaping(md)["model"])


def digest(value: object) -> str:
    """16 hexadecimal digits of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


_COUNTS: dict[str, Any] = {
    "replicas": True,
    "autoscaling": True,
    "weights": {"prefetch"},
    "rollout": {"max_surge", "max_unavailable", "on_failure"},
}
"""Fields that say how many pods there are and how they are replaced, not what they are."""


def _shaping(md: ModelDeployment) -> dict[str, Any]:
    shaping = md.spec.model_dump(by_alias=True, exclude=_COUNTS, exclude_defaults=True)
    # An empty part is a part at its defaults: writing it out must not roll pods.
    return {name: value for name, value in shaping.items() if value != {}}
