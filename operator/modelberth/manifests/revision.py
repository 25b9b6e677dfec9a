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

    def answers(self, wish: tuple[str, str]) -> bool:
        """Whether these are the pods that are asked for."""
        return same(self.wish, wish)

    @cached_property
    def template(self) -> Manifest:
        """metadata and spec of the pods."""
        return unpacked(self.packed)


def same(known: tuple[str, str], wish: tuple[str, str]) -> bool:
    """Whether what is known is what is asked for. An annotation that is taken away asks for nothing new."""
    return known[0] == wish[0] and wish[1] in ("", known[1])


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


MAX_TEMPLATE = 4 << 20
"""Bytes; objects of the API server have 1.5 MiB. Whoever may edit the Deployment writes what we unpack."""
MAX_ANNOTATIONS = 200 << 10
"""Characters beyond which there is no room for the revision before: the API server takes 256 KiB in all."""


def wish_of(md: ModelDeployment) -> tuple[str, str]:
    """What the resource asks for now; without the annotation any build of the spec will do."""
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
        inflate = zlib.decompressobj()
        unzipped = inflate.decompress(base64.b64decode(text, validate=True), MAX_TEMPLATE)
        if not inflate.eof:
            raise ValueError("cut off, or too large")
        template: Any = json.loads(unzipped)
    except (ValueError, zlib.error, RecursionError) as error:
        raise ValueError("no packed template") from error
    match template:
        case {"metadata": {"labels": dict()}, "spec": {"containers": list()}}:
            return dict(template)
    raise ValueError("no pod template")


def annotations_of(revision: Revision, history: History) -> dict[str, str]:
    """What the Deployment carries so that ``thaw`` and ``history_of`` read it back."""
    annotations = {FROZEN: _text(revision), PODS: revision.packed}
    if history.last_good is not None:
        good = history.last_good
        text = json.dumps({"frozen": _text(good), "pods": good.packed}, sort_keys=True)
        if len(text) + sum(map(len, annotations.values())) <= MAX_ANNOTATIONS:
            annotations[LAST_GOOD] = text
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
