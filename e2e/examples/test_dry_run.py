"""Every example, its children and its pods are what a real API server accepts; nothing is stored."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from e2e.command import Command, CommandError
from tests.golden.regenerate import EXAMPLES, examples, rendered

pytestmark = pytest.mark.timeout(300)

NAMES = [path.stem for path in examples()]
PRIVILEGED = {"cache-host-path"}
"""No restricted namespace takes their pods, and their comment says so."""
# Of this run only: a namespace that is being deleted takes nothing new.
NAMESPACE = f"e2e-examples-{secrets.token_hex(3)}"
DRY_RUN = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
RUNTIME_CLASS = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    # pod-template.yaml names it, and the API server refuses a pod whose runtime class does not exist.
    "metadata": {"name": "nvidia"},
    "handler": "nvidia",
}


@pytest.fixture(scope="module")
def space(kubectl: Command) -> Iterator[Command]:
    """kubectl in a namespace where Pod Security refuses what is not restricted."""
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": level}}
    for manifest in (namespace, RUNTIME_CLASS):
        kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    # The controller makes it a moment after the namespace, and no pod is admitted without it.
    kubectl("-n", NAMESPACE, "wait", "--for=create", "serviceaccount/default", "--timeout=60s")
    yield kubectl
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    kubectl("delete", "runtimeclass", "nvidia")


def children(name: str) -> list[dict[str, Any]]:
    found = list(yaml.safe_load_all(rendered(EXAMPLES / f"{name}.yaml")))
    for child in found:
        child["metadata"]["namespace"] = NAMESPACE
    return found


def pods(name: str) -> list[dict[str, Any]]:
    """The pod that the Deployment's ReplicaSet would create."""
    templates = [child["spec"]["template"] for child in children(name) if child["kind"] == "Deployment"]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": name, "namespace": NAMESPACE},
            "spec": template["spec"],
        }
        for template in templates
    ]


def dry_run(kubectl: Command, manifests: list[dict[str, Any]]) -> str:
    return kubectl("-n", NAMESPACE, *DRY_RUN, stdin="\n---\n".join(map(json.dumps, manifests)))


@pytest.mark.parametrize("name", NAMES)
def test_the_example_is_accepted(space: Command, name: str) -> None:
    said = space("-n", NAMESPACE, *DRY_RUN[:-1], str(EXAMPLES / f"{name}.yaml"))
    assert f"modeldeployment.modelberth.dev/{name} serverside-applied (server dry run)" in said


@pytest.mark.parametrize("name", NAMES)
def test_its_children_are_accepted(space: Command, name: str) -> None:
    found = children(name)
    said = dry_run(space, found)
    assert len(said.splitlines()) == len(found)


@pytest.mark.parametrize("name", sorted(PRIVILEGED))
def test_its_pod_needs_a_privileged_namespace(space: Command, name: str) -> None:
    (pod,) = pods(name)
    with pytest.raises(CommandError, match=r"violates PodSecurity.*hostPath"):
        dry_run(space, [pod])


@pytest.mark.parametrize("name", sorted(set(NAMES) - PRIVILEGED))
def test_its_pod_is_admitted_as_restricted(space: Command, name: str) -> None:
    (pod,) = pods(name)
    assert f"pod/{name} serverside-applied (server dry run)" in dry_run(space, [pod])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"securityContext": {}}, "violates PodSecurity"),
        ({"volumes": [{"name": "home", "hostPath": {"path": "/"}}]}, "violates PodSecurity"),
        ({"runtimeClassName": "none-such"}, "none-such"),
        ({"tolerationz": []}, "tolerationz"),
    ],
)
def test_the_api_server_would_have_refused(space: Command, change: dict[str, Any], said: str) -> None:
    (pod,) = pods("pvc-folder")
    volumes = {volume["name"]: volume for volume in (*pod["spec"]["volumes"], *change.get("volumes", []))}
    pod["spec"] |= change | {"volumes": list(volumes.values())}
    with pytest.raises(CommandError, match=said):
        dry_run(space, [pod])


def test_nothing_was_stored(space: Command) -> None:
    kinds = "modeldeployments,deployments,services,pods,poddisruptionbudgets,secrets"
    assert space("-n", NAMESPACE, "get", kinds, "-o", "name") == ""
