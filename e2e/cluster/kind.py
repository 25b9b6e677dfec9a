"""The kind way: https://kind.sigs.k8s.io, on Docker or Podman. Written to its documented commands and configuration."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster import audit
from e2e.cluster.api import Kubectl, node_ready
from e2e.cluster.binaries import Binaries
from e2e.cluster.commands import run, succeeds
from e2e.cluster.daemons import Daemons
from e2e.cluster.files import lock, remove_folder, write
from e2e.cluster.gpus import restore_fake_gpus
from e2e.cluster.images import archive_of, canonical
from e2e.cluster.interface import Status
from e2e.cluster.paths import Paths, paths
from e2e.cluster.progress import say, step

NAME = "modelberth"
NODE = f"{NAME}-control-plane"
"""kind names its first node so, and the container it runs in."""


def engine() -> str | None:
    """The container tool whose engine answers; a `docker` on the PATH alone proves nothing."""
    for tool in ("docker", "podman"):
        if shutil.which(tool) and succeeds([tool, "info"], timeout=10):
            return tool
    return None


def usable() -> bool:
    return shutil.which("kind") is not None and engine() is not None


def configuration(policy: Path, log: Path) -> dict[str, Any]:
    """One node with the audit log of https://kind.sigs.k8s.io/docs/user/auditing, its folder shared with this machine,
    and the client limits of the local way."""
    inside = "/var/log/kubernetes/audit"
    policies = "/etc/kubernetes/audit"
    fast = [{"name": "kube-api-qps", "value": "500"}, {"name": "kube-api-burst", "value": "1000"}]
    # kubeadm v1beta4: extraArgs are a list.
    cluster_configuration = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "controllerManager": {"extraArgs": fast},
        "scheduler": {"extraArgs": fast},
        "apiServer": {
            "extraArgs": [
                {"name": "audit-policy-file", "value": f"{policies}/{policy.name}"},
                {"name": "audit-log-path", "value": f"{inside}/{log.name}"},
                {"name": "audit-log-maxsize", "value": str(audit.SIZE_MIB)},
                {"name": "audit-log-maxbackup", "value": str(audit.BACKUPS)},
            ],
            "extraVolumes": [
                {"name": "policy", "hostPath": policies, "mountPath": policies, "readOnly": True},
                {"name": "audit", "hostPath": inside, "mountPath": inside, "readOnly": False},
            ],
        },
    }
    kubelet = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        # Loaded images cannot be pulled again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }
    node = {
        "role": "control-plane",
        "kubeadmConfigPatches": [yaml.safe_dump(cluster_configuration), yaml.safe_dump(kubelet)],
        "extraMounts": [
            {"hostPath": str(policy.parent), "containerPath": policies, "readOnly": True},
            {"hostPath": str(log.parent), "containerPath": inside},
        ],
    }
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]}


class KindCluster:
    way = "kind"

    def __init__(self, where: Paths | None = None) -> None:
        self.where = where or paths()
        self.binaries = Binaries(self.where)
        self.state = self.where.state.parent / "kind"
        self.engine = engine() or "docker"

    def up(self) -> None:
        with lock(self.where.lock):
            if not self._exists():
                policy, log = self.state / "policy" / "audit-policy.yaml", self.state / "audit" / audit.FILE
                write(policy, yaml.safe_dump(audit.policy()))
                log.parent.mkdir(parents=True, exist_ok=True)
                config = self.state / "kind.yaml"
                write(config, yaml.safe_dump(configuration(policy, log)))
                with step("creating a kind cluster"):
                    self._kind("create", "cluster", f"--config={config}", *self._to_kubeconfig(), "--wait=3m")
            elif not self.status().ready:
                # A machine that was restarted, or a kubeconfig that was deleted.
                with step("starting the kind cluster again"):
                    run([self.engine, "start", NODE])
                    self._kind("export", "kubeconfig", *self._to_kubeconfig())
                    self._kubectl()("wait", "--for=condition=Ready", "node", "--all", "--timeout=120s", timeout=130)
                    restore_fake_gpus(self._kubectl())
            say(f"the kind cluster is up: KUBECONFIG={self.kubeconfig()}")

    def down(self, *, purge: bool = False) -> None:
        """Images live in kind's node, so every `down` removes them; `purge` has nothing to add."""
        with lock(self.where.lock), step("deleting the kind cluster"):
            Daemons(self.where.pids, self.where.logs).stop(["kwok"])
            self._kind("delete", "cluster", *self._to_kubeconfig())
            remove_folder(self.state)

    def load(self, images: Sequence[str]) -> None:
        for image in images:
            with archive_of(image, self.where.cache) as archive, step(f"loading {archive.name} into kind"):
                self._kind("load", "image-archive", str(archive))

    def has_image(self, reference: str) -> bool:
        return canonical(reference) in self._ctr("list", "--quiet").split()

    def remove_image(self, reference: str) -> None:
        if self.has_image(reference):
            self._ctr("remove", "--sync", canonical(reference))

    def kubeconfig(self) -> Path:
        return self.state / "admin.kubeconfig"

    def audit_log(self) -> Path | None:
        return self.state / "audit" / audit.FILE

    def tool(self, name: str) -> Path:
        found = shutil.which(name)
        return Path(found) if found else self.binaries.tool(name)

    def status(self) -> Status:
        if not self._exists() or not self.kubeconfig().exists():
            return Status(False, {"cluster": "not there; `up` makes it"})
        nodes = json.loads(self._kubectl()("get", "nodes", "-o", "json"))["items"]
        facts = {"kubeconfig": str(self.kubeconfig()), "nodes": f"{sum(map(node_ready, nodes))} of {len(nodes)} Ready"}
        facts["audit log"] = str(self.audit_log())
        return Status(any(map(node_ready, nodes)), facts)

    def _exists(self) -> bool:
        return NAME in run(["kind", "get", "clusters"]).split()

    def _to_kubeconfig(self) -> list[str]:
        """Not ~/.kube/config, which is the user's."""
        return [f"--kubeconfig={self.kubeconfig()}"]

    def _kind(self, *words: str) -> str:
        return run(["kind", *words, f"--name={NAME}"])

    def _ctr(self, *words: str) -> str:
        return run([self.engine, "exec", NODE, "ctr", "--namespace=k8s.io", "images", *words])

    def _kubectl(self) -> Kubectl:
        return Kubectl(self.tool("kubectl"), self.kubeconfig())
