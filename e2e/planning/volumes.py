"""A PersistentVolumeClaim with a model in it, on any cluster whose nodes have a disk."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.conftest import Space

CLAIM = "weights"
REPOSITORY = "SmolLM2-135M-Instruct-GGUF"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_ON_NODE = "/var/tmp/modelberth-e2e"
_STAGING = "modelberth-volumes"
"""Namespace without a Pod Security label: whoever fills the volume writes on the node as root."""


@contextmanager
def claim_with_model(space: Space) -> Iterator[str]:
    """Yields the URI of the model. The volume lies on the node under the name of the test's namespace."""
    folder = f"/volumes/{space.name}"
    kubectl = space.platform.kubectl
    kubectl("apply", "-f", "-", stdin=_document("Namespace", _STAGING))
    _on_node(space, "fill", f"mkdir {folder} && cp /models/modelberth/{REPOSITORY}/{FILE} {folder}")
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadOnlyMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "hostPath": {"path": f"{_ON_NODE}/{space.name}", "type": "Directory"},
        "claimRef": {"namespace": space.name, "name": CLAIM},
    }
    claim = {
        "accessModes": ["ReadOnlyMany"],
        "storageClassName": "",
        "volumeName": space.name,
        "resources": {"requests": {"storage": "1Gi"}},
    }
    kubectl("apply", "-f", "-", stdin=_document("PersistentVolume", space.name, spec=volume))
    space.kubectl("apply", "-f", "-", stdin=_document("PersistentVolumeClaim", CLAIM, spec=claim))
    try:
        yield f"pvc://{CLAIM}/{FILE}"
    finally:
        kubectl("delete", "persistentvolume", space.name, "--wait=false")
        _on_node(space, "empty", f"rm -rf {folder}")


def _on_node(space: Space, name: str, script: str) -> None:
    """Runs a shell script in the image that has the models, as root, with the folders of all tests at /volumes."""
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": name,
                "image": space.platform.image("hub"),
                "command": ["sh", "-c", script],
                "securityContext": {"runAsUser": 0},
                "volumeMounts": [{"name": "volumes", "mountPath": "/volumes"}],
            }
        ],
        "volumes": [{"name": "volumes", "hostPath": {"path": _ON_NODE, "type": "DirectoryOrCreate"}}],
    }
    full_name = f"{name}-{space.name}"[:63]
    kubectl = space.platform.kubectl
    kubectl("-n", _STAGING, "apply", "-f", "-", stdin=_document("Pod", full_name, spec=pod))
    kubectl("-n", _STAGING, "wait", f"pod/{full_name}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
    kubectl("-n", _STAGING, "delete", "pod", full_name, "--wait=false")


def _document(kind: str, name: str, **parts: object) -> str:
    return json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **parts})
