"""What pods are built from beside the spec, and how it is frozen in the Deployment.

Pods roll when the spec (without replicas and autoscaling) or the resolved commit changes, or when the person who runs
the operator changes a chart value that shapes pods (engineImages, hub.endpoint, proxies, CA). Facts are looked up once
per such change and kept in an annotation, so that a later look-up, another operator or a better planner builds the
same pods.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import FROZEN, Manifest
from modelberth.planner.plan import Launch
from modelberth.planner.planned import Planned


@dataclass(frozen=True)
class Facts:
    """Looked up and computed once per change of the spec."""

    planned: Planned
    commit: str | None = None
    """Commit of the repository; None for pvc:// and oci://."""
    fetcher_image: str | None = None
    """Image of the init container; None: the operator's own. Serving does not depend on it, so an upgrade of the
    operator must not roll pods by it."""


@dataclass(frozen=True)
class Frozen:
    """Facts, and what they were looked up for."""

    inputs: str
    """Digest of the spec without what only counts pods."""
    model: str
    """Digest of spec.model: its commit stays while that stays."""
    facts: Facts


def inputs_of(md: ModelDeployment) -> str:
    """Digest of everything in the spec that shapes pods."""
    return _digest(_shaping(md))


def model_of(md: ModelDeployment) -> str:
    """Digest of spec.model."""
    return _digest(_shaping(md)["model"])


def frozen_text(md: ModelDeployment, facts: Facts) -> str:
    """Value of the annotation: the facts with what they belong to."""
    record = {"inputs": inputs_of(md), "model": model_of(md), **asdict(facts)}
    return json.dumps(record, sort_keys=True)


def thaw(deployment: Manifest | None) -> Frozen | None:
    """Reads the annotation of a Deployment back; None where it is missing or was damaged by hand."""
    text = ((deployment or {}).get("metadata", {}).get("annotations") or {}).get(FROZEN)
    try:
        record = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    match record:
        case {
            "inputs": str(inputs),
            "model": str(model),
            "commit": str() | None as commit,
            "fetcher_image": str() | None as fetcher_image,
            "planned": {
                "status": "True" | "False" | "Unknown" as status,
                "reason": str(reason),
                "message": str(message),
                "record": dict(plan),
                "launch": {
                    "memory_fraction": float() | int() as fraction,
                    "cpu_kv_bytes": int(kv_bytes),
                    "cpu_kv_tokens": int(kv_tokens),
                },
            },
        }:
            launch = Launch(float(fraction), kv_bytes, kv_tokens)
            planned = Planned(status, reason, message, launch, plan)
            return Frozen(inputs, model, Facts(planned, commit, fetcher_image))
    return None


def _shaping(md: ModelDeployment) -> dict[str, Any]:
    return md.spec.model_dump(by_alias=True, exclude={"replicas", "autoscaling"}, exclude_defaults=True)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
