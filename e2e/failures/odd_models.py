"""A claim with model files that no engine can load: one cut off, one of an architecture that nobody has."""

import json
from typing import Any

from e2e.conftest import Space

CLAIM = "odd"
_MODEL = "/models/modelberth/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf"
_ON_NODE = "/var/tmp/modelberth-e2e-odd"
_WRITER = "modelberth-odd-models"
"""Namespace without a Pod Security label: whoever fills the volume writes on the node as root."""
_FILL = f"""
head -c 60000000 {_MODEL} > /odd/cut.gguf
python3 -c "
data = open('{_MODEL}', 'rb').read().replace(b'llama', b'alpac', 1)
open('/odd/unknown.gguf', 'wb').write(data)"
"""


def make_odd_models(space: Space) -> None:
    """The claim in the namespace, filled."""
    kubectl = space.platform.kubectl
    kubectl("apply", "-f", "-", stdin=_document("Namespace", _WRITER))
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "fill",
                "image": space.platform.image("hub"),
                "command": ["sh", "-ec", _FILL],
                "securityContext": {"runAsUser": 0},
                "volumeMounts": [{"name": "odd", "mountPath": "/odd"}],
            }
        ],
        "volumes": [{"name": "odd", "hostPath": {"path": _ON_NODE, "type": "DirectoryOrCreate"}}],
    }
    kubectl("-n", _WRITER, "apply", "-f", "-", stdin=_document("Pod", "fill", spec=pod))
    kubectl("-n", _WRITER, "wait", "pod/fill", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
    size = {"storage": "1Gi"}
    volume = {
        "capacity": size,
        "accessModes": ["ReadOnlyMany"],
        "storageClassName": "",
        "hostPath": {"path": _ON_NODE, "type": "Directory"},
        "claimRef": {"namespace": space.name, "name": CLAIM},
    }
    claim = {
        "accessModes": ["ReadOnlyMany"],
        "storageClassName": "",
        "volumeName": space.name,
        "resources": {"requests": size},
    }
    kubectl("apply", "-f", "-", stdin=_document("PersistentVolume", space.name, spec=volume))
    space.kubectl("apply", "-f", "-", stdin=_document("PersistentVolumeClaim", CLAIM, spec=claim))


def remove_odd_models(space: Space) -> None:
    """The files stay on the node for the next time: they are the same ones."""
    kubectl = space.platform.kubectl
    kubectl("delete", "persistentvolume", space.name, "--wait=false", "--ignore-not-found")
    kubectl("delete", "namespace", _WRITER, "--wait=false")


def _document(kind: str, name: str, **parts: Any) -> str:
    return json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **parts})
