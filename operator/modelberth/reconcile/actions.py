"""decide: desired x observed -> apply, delete or nothing."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from modelberth.api.quantity import amount
from modelberth.manifests.names import HASH, child_name
from modelberth.reconcile.observed import CHILD_KINDS, Observed, Raw, owned_by

KEPT = {"PersistentVolumeClaim"}
"""What a changed spec no longer wants, and what nobody wants to download again: it goes with the ModelDeployment."""


@dataclass(frozen=True)
class Action:
    """One write: the manifest to apply, or the child to delete."""

    verb: Literal["apply", "delete"]
    manifest: Raw


@dataclass
class Settled:
    """Children that are known to match what was applied, so that nothing is compared again.

    It also ends a loop that our comparison could otherwise cause: the API server rewrites some values (quantities,
    empty lists), and a difference that remains after an apply is such a rewrite.
    """

    marks: dict[tuple[str, str, str], tuple[str, str]] = field(default_factory=dict)

    def mark(self, child: Raw, kind: str) -> None:
        self.marks[_key(child, kind)] = (digest(child), _revision(child))

    def forget(self, key: tuple[str, str]) -> None:
        """The ModelDeployment is gone, and its children go."""
        namespace, name = key
        for kind in CHILD_KINDS:
            self.marks.pop((kind, namespace, child_name(kind, name)), None)

    def holds(self, child: Raw, kind: str) -> bool:
        return self.marks.get(_key(child, kind)) == (digest(child), _revision(child))


def decide(desired: list[Raw], observed: Observed, settled: Settled) -> list[Action]:
    """Writes that make the children what they should be; none when they are."""
    actions = [
        Action("apply", manifest)
        for manifest in desired
        if needs_apply(manifest, observed.children.get(manifest["kind"]), settled)
    ]
    wanted = {manifest["kind"] for manifest in desired} | KEPT
    # Items of a list carry no kind.
    surplus = ({**child, "kind": kind} for kind, child in sorted(observed.children.items()) if kind not in wanted)
    return actions + [Action("delete", child) for child in surplus if owned_by(child, observed.uid)]


def needs_apply(manifest: Raw, child: Raw | None, settled: Settled) -> bool:
    """Whether the child is missing, was built from another manifest, or was changed by someone else."""
    if child is None or digest(child) != digest(manifest):
        return True
    manifest = _grown(manifest, child)
    if differs(manifest["metadata"], child["metadata"]):
        # Labels and owners move no generation, and the API server never rewrites them.
        return True
    if settled.holds(child, manifest["kind"]):
        return False
    # Items of a list carry neither apiVersion nor kind, and metadata was compared above.
    if differs({part: manifest[part] for part in manifest if part not in ("apiVersion", "kind", "metadata")}, child):
        return True
    settled.mark(child, manifest["kind"])
    return False


def _grown(manifest: Raw, child: Raw) -> Raw:
    """A claim that somebody has enlarged stays so: the API server would refuse to make it smaller."""
    if manifest["kind"] != "PersistentVolumeClaim":
        return manifest
    wanted, there = (claim["spec"]["resources"]["requests"]["storage"] for claim in (manifest, child))
    if amount(there) <= amount(wanted):
        return manifest
    return {**manifest, "spec": {**manifest["spec"], "resources": child["spec"]["resources"]}}


def digest(child: Raw) -> str:
    """The digest annotation; empty where there is none."""
    return str((child["metadata"].get("annotations") or {}).get(HASH, ""))


def differs(desired: Any, observed: Any) -> bool:
    """Whether a value that we set is not what the object holds. What others added beside it does not matter."""
    if isinstance(desired, dict) and isinstance(observed, dict):
        return any(differs(value, observed.get(name)) for name, value in desired.items())
    if isinstance(desired, list) and isinstance(observed, list):
        return _list_differs(desired, observed)
    if desired == observed or (desired is not False and not desired and not observed):
        # The API server drops empty values. A missing boolean may mean True (automountServiceAccountToken).
        return False
    return not _same_quantity(desired, observed)


def _list_differs(desired: list[Any], observed: list[Any]) -> bool:
    for key in ("mountPath", "name"):
        if all(isinstance(item, dict) and key in item for item in desired):
            by_key = {item.get(key): item for item in observed if isinstance(item, dict)}
            return any(differs(item, by_key.get(item[key])) for item in desired)
    return len(desired) != len(observed) or any(map(differs, desired, observed))


_DIGIT = re.compile(r"^[+-]?[.0-9]")


def _same_quantity(desired: Any, observed: Any) -> bool:
    values = (desired, observed)
    if not all(isinstance(value, str | int) and _DIGIT.match(str(value)) for value in values):
        return False
    try:
        return amount(desired) == amount(observed)
    except ValueError:
        return False


def _key(child: Raw, kind: str) -> tuple[str, str, str]:
    return kind, child["metadata"]["namespace"], child["metadata"]["name"]


def _revision(child: Raw) -> str:
    # generation moves with the spec alone; Services and ConfigMaps have none, and their status hardly moves.
    meta = child["metadata"]
    return f"{meta.get('uid')}/{meta.get('generation') or meta.get('resourceVersion')}"
