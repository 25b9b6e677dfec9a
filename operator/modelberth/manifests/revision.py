"""A revision of the pods, frozen in the Deployment that runs them.

Pods roll when the spec (without what only counts pods) or the resolved commit changes, and when a person asks for it.
So the template is kept as it was built: another version of the operator, another chart value or a better planner would
build other pods, and restart every model of the cluster at once.
"""

import base64
import json
import zlib
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.facts import Facts, digest, inputs_of, model_of
from modelberth.manifests.names import FROZEN, LAST_GOOD, PODS, ROLLED_BACK, UPGRADE, Manifest
from modelberth.planner.plan import Launch
from modelberth.planner.planned import Planned


@dataclass(frozen=True)
class Revision:
    """Pods with what they were built for and from."""

    inputs: str
    """Digest of the spec without what only counts pods."""
    model: str
    """Digest of spec.model: its commit stays while that stays."""
    facts: Facts
    packed: str
    """The pod template, packed."""
    upgrade: str = ""
    """Digest of the resource's annotation UPGRADE at the time; empty without one."""
    granted: bool = False
    """Whether they were built anew for an unchanged spec because upgrade.maxParallel allowed it."""

    @property
    def wish(self) -> tuple[str, str]:
        """What a person asked for: another wish is another revision."""
        return self.inputs, self.upgrade

    @cached_property
    def template(self) -> Manifest:
        """metadata and spec of the pods."""
        return unpacked(self.packed)


@dataclass(frozen=True)
class Failure:
    """A revision that failed, and was rolled back."""

    wish: tuple[str, str]
    reason: str
    message: str


@dataclass(frozen=True)
class History:
    """What the Deployment remembers beside the revision that it runs."""

    last_good: Revision | None = None
    """The revision before this one, until all pods of this one answer; only with rollout.onFailure Rollback."""
    failure: Failure | None = None
    """The revision that this one runs in the place of."""


def wish_of(md: ModelDeployment) -> tuple[str, str]:
    """What the resource asks for now."""
    asked = (md.metadata.get("annotations") or {}).get(UPGRADE)
    return inputs_of(md), digest(asked) if asked else ""


def revision_of(md: ModelDeployment, facts: Facts, template: Manifest) -> Revision:
    """The revision that the resource asks for, with pods as they are built now."""
    inputs, upgrade = wish_of(md)
    return Revision(inputs, model_of(md), facts, packed(template), upgrade)


def packed(template: Manifest) -> str:
    """Base64 of zlib of JSON: a third of the size, in an object that every event of its pods brings along."""
    text = json.dumps(template, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpacked(text: str) -> Manifest:
    """The template. Raises ValueError where the text was damaged by hand."""
    try:
        template = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
    except (ValueError, zlib.error, RecursionError) as error:
        raise ValueError("no packed template") from error
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        raise ValueError("no pod template")
    return template


def annotations_of(revision: Revision, history: History) -> dict[str, str]:
    """What the Deployment carries so that ``thaw`` and ``history_of`` read it back."""
    annotations = {FROZEN: _text(revision), PODS: revision.packed}
    if history.last_good is not None:
        good = history.last_good
        annotations[LAST_GOOD] = json.dumps({"frozen": _text(good), "pods": good.packed}, sort_keys=True)
    if history.failure is not None:
        annotations[ROLLED_BACK] = json.dumps(asdict(history.failure), sort_keys=True)
    return annotations


def thaw(deployment: Manifest | None) -> Revision | None:
    """The revision that a Deployment runs; None where its annotations are missing or were damaged by hand."""
    found = _annotations(deployment)
    # Before templates were kept there was none: what runs is what was built.
    packed_now = found.get(PODS) or packed(_running(deployment))
    return _revision(found.get(FROZEN), packed_now)


def history_of(deployment: Manifest | None) -> History:
    """What it remembers; nothing where that was damaged by hand."""
    found = _annotations(deployment)
    good, failure = _parsed(found.get(LAST_GOOD)), _parsed(found.get(ROLLED_BACK))
    last_good, failed = None, None
    match good:
        case {"frozen": str(text), "pods": str(pods)}:
            last_good = _revision(text, pods)
    match failure:
        case {"wish": [str(inputs), str(upgrade)], "reason": str(reason), "message": str(message)}:
            failed = Failure((inputs, upgrade), reason, message)
    return History(last_good, failed)


def _annotations(deployment: Manifest | None) -> dict[str, str]:
    return (deployment or {}).get("metadata", {}).get("annotations") or {}


def _running(deployment: Manifest | None) -> Manifest:
    template: Manifest = ((deployment or {}).get("spec") or {}).get("template") or {}
    return template


def _text(revision: Revision) -> str:
    record = {"inputs": revision.inputs, "model": revision.model, **asdict(revision.facts)}
    if revision.upgrade:
        record["upgrade"] = revision.upgrade
    if revision.granted:
        record["granted"] = True
    return json.dumps(record, sort_keys=True)


def _revision(text: str | None, pods: str) -> Revision | None:
    match record := _parsed(text):
        case {
            "inputs": str(inputs),
            "model": str(model),
            "commit": str() | None as commit,
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
            facts = Facts(Planned(status, reason, message, launch, plan), commit)
            found = Revision(inputs, model, facts, pods, str(record.get("upgrade", "")), record.get("granted") is True)
            try:
                return found if found.template else None
            except ValueError:
                return None
    return None


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) and text else None
    except (ValueError, RecursionError):
        return None
