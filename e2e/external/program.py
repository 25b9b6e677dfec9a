"""A Go program of the cluster's pins as an image, and its own kustomization as objects."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster.binaries import Binaries
from e2e.cluster.paths import paths
from e2e.cluster.pause import one_file_archive
from e2e.install.stage import Stage

Manifest = dict[str, Any]


def image_of(stage: Stage, command: str) -> str:
    """The reference of an image with nothing but the program, built and loaded if the cluster lacks it."""
    binaries = Binaries(paths())
    reference = f"localhost/{command}:{binaries.pinned.owner(command).version}"
    if not stage.cluster.has_image(reference):
        program = binaries.tool(command).read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / f"{command}.tar"
            one_file_archive(archive, reference, command, program)
            stage.cluster.load([str(archive)])
    return reference


def kustomized(stage: Stage, command: str, folder: str) -> list[Manifest]:
    """The objects of a kustomization that came with the program."""
    path = Binaries(paths()).tool(command).parent / folder
    return list(yaml.safe_load_all(stage.kubectl("kustomize", str(path))))


def started(stage: Stage, objects: list[Manifest], adjust: Callable[[Manifest], None]) -> None:
    """Applies the objects, containers of Deployments adjusted before, and waits for the Deployments and APIServices."""
    deployments = [item for item in objects if item["kind"] == "Deployment"]
    for deployment in deployments:
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            container["imagePullPolicy"] = "IfNotPresent"
            # Probes that wait 20 s before they look would be most of the start.
            container["readinessProbe"] |= {"initialDelaySeconds": 1, "periodSeconds": 1}
            adjust(container)
    listing = {"apiVersion": "v1", "kind": "List", "items": objects}
    stage.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listing))
    for deployment in deployments:
        meta = deployment["metadata"]
        stage.kubectl("-n", meta["namespace"], "rollout", "status", f"deployment/{meta['name']}", "--timeout=120s")
    for service in _served(objects):
        stage.kubectl("wait", f"apiservice/{service}", "--for=condition=Available", "--timeout=60s")


def stopped(stage: Stage, objects: list[Manifest]) -> None:
    """Takes the programs away. APIServices go first: with one that nobody serves no namespace can be deleted."""
    for service in _served(objects):
        stage.kubectl("delete", "apiservice", service, "--ignore-not-found")
    running = [item for item in objects if item["kind"] == "Deployment"]
    listing = {"apiVersion": "v1", "kind": "List", "items": running}
    stage.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=json.dumps(listing))


def _served(objects: list[Manifest]) -> list[str]:
    return [item["metadata"]["name"] for item in objects if item["kind"] == "APIService"]
