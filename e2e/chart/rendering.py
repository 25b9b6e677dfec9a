"""What `helm template` printed, and how to find things in it."""

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]

KUBERNETES = "1.36.0"

OPERATOR, ACTIVATOR = "modelberth", "modelberth-activator"
"""Parts of the release, as app.kubernetes.io/name tells them apart."""


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def part_of(manifests: list[Manifest], part: str) -> list[Manifest]:
    """What belongs to the operator, or to the activator."""
    return [manifest for manifest in manifests if manifest["metadata"]["labels"]["app.kubernetes.io/name"] == part]


def only(manifests: list[Manifest], kind: str, part: str = OPERATOR) -> Manifest:
    """The one of that kind that belongs to that part."""
    (manifest,) = of_kind(part_of(manifests, part), kind)
    return manifest


def container(manifests: list[Manifest], part: str = OPERATOR) -> Manifest:
    found: Manifest = only(manifests, "Deployment", part)["spec"]["template"]["spec"]["containers"][0]
    return found


def parsed(args: list[str]) -> argparse.Namespace:
    """What the command makes of its command line. SystemExit where it does not know an option."""
    parser = argparse.ArgumentParser()
    import_module(f"modelberth.cli.{args[0]}").add_parser(parser.add_subparsers())
    return parser.parse_args(args)


def rules(role: Manifest) -> dict[str, set[str]]:
    """Verbs by resource."""
    return {resource: set(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]}
