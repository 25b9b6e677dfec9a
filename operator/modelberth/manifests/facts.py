"""What pods are built from beside the spec, and how it is frozen in the Deployment.

Pods roll when the spec (without replicas) or the resolved commit changes, or when the person who runs the operator
changes a chart value that shapes pods (engineImages, hub.endpoint, proxies, CA). Facts are looked up once per such
change and kept in an annotation, so that a later look-up, or another operator, builds the same pods.
"""

import hashlib
import json
from dataclasses import dataclass

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import FROZEN, Manifest


@dataclass(frozen=True)
class Facts:
    """Looked up once per change of the spec."""

    commit: str | None = None
    """Commit of the repository; None for pvc:// and oci://, and where only the fetcher holds the token."""
    kv_bytes_per_token: int | None = None
    """From config.json, where it was needed and could be read."""
    fetcher_image: str | None = None
    """Image of the init container; None: the operator's own. Serving does not depend on it, so an upgrade of the
    operator must not roll pods by it."""


@dataclass(frozen=True)
class Frozen:
    """Facts, and what they were looked up for."""

    inputs: str
    """Digest of the spec without replicas."""
    model: str
    """Digest of spec.model: its commit stays while that stays."""
    facts: Facts


def freeze(md: ModelDeployment, facts: Facts) -> Frozen:
    """The facts with what they belong to."""
    spec = md.spec.model_dump(by_alias=True, exclude={"replicas"}, exclude_defaults=True)
    return Frozen(inputs=_digest(spec), model=_digest(spec["model"]), facts=facts)


def frozen_text(frozen: Frozen) -> str:
    """Value of the annotation."""
    facts = frozen.facts
    record = {
        "inputs": frozen.inputs,
        "model": frozen.model,
        "commit": facts.commit,
        "kvBytesPerToken": facts.kv_bytes_per_token,
        "fetcherImage": facts.fetcher_image,
    }
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
            "kvBytesPerToken": int() | None as kv_bytes,
            "fetcherImage": str() | None as fetcher_image,
        }:
            return Frozen(inputs=inputs, model=model, facts=Facts(commit, kv_bytes, fetcher_image))
    return None


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
