"""What `helm template` printed, and how to find things in it."""

from collections.abc import Callable
from typing import Any

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]

KUBERNETES = "1.36.0"


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def only(manifests: list[Manifest], kind: str) -> Manifest:
    (manifest,) = of_kind(manifests, kind)
    return manifest


def container(manifests: list[Manifest]) -> Manifest:
    """The operator's."""
    found: Manifest = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    return found


def rules(role: Manifest) -> dict[str, set[str]]:
    """Verbs by resource."""
    return {resource: set(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]}
