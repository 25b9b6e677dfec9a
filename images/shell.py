"""Run a program inside an image, with text on its standard input and output: what an engine's own parser says, say.

Cheapest on the disk is the copy that exists anyway. A local engine (Docker, Podman) or buildah's store runs small
images; the large ones are kept in the cluster only, so a pod runs them there.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from e2e.cluster import choose
from e2e.cluster.commands import run as run_program
from images.build import ImageCluster, content_of, ensure
from images.builders import choose_builder
from images.catalog import IMAGES

_NAMESPACE = "modelberth-shell"
_WAIT = "120s"
_LIFETIME = 900  # seconds; a pod that nobody deleted ends by itself


class PodCluster(ImageCluster, Protocol):
    """A cluster that a pod can be started in."""

    def tool(self, name: str) -> Path:
        """The program `kubectl`."""

    def kubeconfig(self) -> Path:
        """The admin kubeconfig."""


def run(name: str, argv: Sequence[str], stdin: str = "", *, cluster: PodCluster | None = None) -> str:
    """Run `argv` in the image called `name`, as a user without rights; returns its standard output.

    Args:
        name: A name of the catalogue ("vllm").
        argv: The program and its arguments; the image's entrypoint is not used.
        stdin: What the program reads.
        cluster: Where the image is, or is loaded to, if no local store has it. Default: the one that `choose` finds.

    Raises:
        ClusterError: the image could not be built, or the program failed; the message ends with its standard error.
    """
    image = IMAGES[name]
    content = content_of(image)
    reference = image.reference(content)
    builder = choose_builder()
    if builder.content_of(reference) == content:
        return builder.run(reference, argv, stdin)
    target = cluster or choose()
    ensure([name], target, builder=builder)
    with _pod(target, reference) as kubectl:
        return run_program([*kubectl, "--", *argv], stdin=stdin)


@contextmanager
def _pod(cluster: PodCluster, reference: str) -> Iterator[list[str]]:
    """A sleeping pod, deleted at the end; yields the `kubectl exec` command to which `-- ARGV` is added."""
    kubectl = [str(cluster.tool("kubectl")), "--kubeconfig", str(cluster.kubeconfig())]
    pod = f"shell-{secrets.token_hex(4)}"
    objects = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [_namespace_object(), _pod_object(pod, reference)]}
    )
    run_program([*kubectl, "apply", "-f", "-"], stdin=objects)
    inside = [*kubectl, "--namespace", _NAMESPACE]
    try:
        run_program([*inside, "wait", f"pod/{pod}", "--for=condition=Ready", f"--timeout={_WAIT}"])
        yield [*inside, "exec", "--stdin", pod]
    finally:
        run_program([*inside, "delete", f"pod/{pod}", "--wait=false", "--grace-period=0", "--force"])


def _namespace_object() -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE, "labels": labels}}


def _pod_object(name: str, reference: str) -> dict[str, Any]:
    container = {
        "name": "shell",
        "image": reference,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", str(_LIFETIME)],
        "env": [{"name": "HOME", "value": "/tmp"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": _NAMESPACE},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "activeDeadlineSeconds": _LIFETIME,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }
