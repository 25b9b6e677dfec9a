"""Folders on the node that anybody may write, and volumes of them: every cluster has these."""

import json
import secrets
from dataclasses import dataclass, field

from e2e.conftest import Space
from e2e.install.stage import Stage

NAMESPACE = "modelberth-disk"
"""Without a Pod Security label: its pod writes on the node as root."""
CLASS = "modelberth-e2e"
"""A storage class that nobody provisions: its volumes are made here, one for each claim."""
_ON_NODE = "/var/tmp/modelberth-e2e-weights"


@dataclass
class Disk:
    """A pod with the folders of these tests at /volumes."""

    stage: Stage
    _volumes: list[str] = field(default_factory=list)

    def install(self) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        container = {
            "name": "disk",
            "image": self.stage.image("hub"),
            "command": ["sleep", "3600"],
            "securityContext": {"runAsUser": 0},
            "volumeMounts": [{"name": "volumes", "mountPath": "/volumes"}],
        }
        spec = {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "containers": [container],
            "volumes": [{"name": "volumes", "hostPath": {"path": _ON_NODE, "type": "DirectoryOrCreate"}}],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "disk", "namespace": NAMESPACE}, "spec": spec}
        for document in (namespace, pod):
            self.stage.kubectl("apply", "-f", "-", stdin=json.dumps(document))
        self.stage.kubectl("-n", NAMESPACE, "wait", "pod/disk", "--for=condition=Ready", "--timeout=60s")

    def remove(self) -> None:
        """The volumes with all that is in them."""
        for name in self._volumes:
            self.stage.kubectl("delete", "persistentvolume", name, "--wait=false", "--ignore-not-found")
        self.run("rm -rf /volumes/*")
        self.stage.kubectl("-n", NAMESPACE, "delete", "pod", "disk", "--wait=false")

    def run(self, script: str) -> str:
        """What a shell says, as root."""
        return self.stage.kubectl("-n", NAMESPACE, "exec", "disk", "--", "sh", "-c", script)

    def folder(self, mode: str = "0777") -> str:
        """A new folder's path on the node."""
        name = secrets.token_hex(4)
        self.run(f"mkdir -m {mode} /volumes/{name}")
        return f"{_ON_NODE}/{name}"

    def files(self, folder: str) -> list[str]:
        """Files below a folder of the node, without hidden ones."""
        below = folder.replace(_ON_NODE, "/volumes")
        found = self.run(f"cd {below} && find . -type f -not -path '*/.*'").split()
        return sorted(path.removeprefix("./") for path in found)

    def volume_for(self, space: Space, claim: str) -> str:
        """A volume that waits for the claim with this name, which need not exist yet; returns its folder."""
        folder = self.folder()
        name = f"{space.name}-{claim}"[:63].rstrip("-")
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": CLASS,
            "hostPath": {"path": folder, "type": "Directory"},
            "claimRef": {"namespace": space.name, "name": claim},
        }
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
        self.stage.kubectl("apply", "-f", "-", stdin=json.dumps(volume))
        self._volumes.append(name)
        return folder

    def claim(self, space: Space, name: str) -> str:
        """A claim with a volume, for a test that brings its own; returns its folder."""
        folder = self.volume_for(space, name)
        spec = {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": CLASS,
            "resources": {"requests": {"storage": "1Gi"}},
        }
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}
        space.kubectl("apply", "-f", "-", stdin=json.dumps(claim))
        return folder
