"""The kind way: https://kind.sigs.k8s.io, on Docker or Podman. Written to its documented commands and configuration."""

import json
import os
import shutil
from collections.abc import Sequence
from functools import cache
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
from e2e.cluster.interface import ClusterError, Status
from e2e.cluster.paths import Paths, of_cluster, paths
from e2e.cluster.progress import say, step


@cache
def engine() -> str | None:
    """The container tool whose engine answers; a `docker` on the PATH alone proves nothing."""
    for tool in ("docker", "podman"):
        if shutil.which(tool) and succeeds([tool, "info"], timeout=10):
            return tool
    return None


def usable() -> bool:
    return shutil.which("kind") is not None and engine() is not None


def require() -> str:
    """The container tool to use. Raises ClusterError where kind cannot run."""
    found = engine() if shutil.which("kind") else None
    if found is None:
        raise ClusterError(
            "kind is not on the PATH, or neither Docker nor Podman answers.\n"
            "Way out: install them (https://kind.sigs.k8s.io/docs/user/quick-start), or CLUSTER=local as root on Linux"
        )
    return found


def configuration(policy: Path, log: Path) -> dict[str, Any]:
    """One node with the audit log of https://kind.sigs.k8s.io/docs/user/auditing, its folder shared with this machine,
    and the client limits of the local way."""
    inside = "/var/log/kubernetes/audit"
    policies = "/etc/kubernetes/audit"
    fast = {"kube-api-qps": "500", "kube-api-burst": "1000"}
    # No apiVersion and arguments as a map: kind turns that into whichever version of kubeadm's it writes.
    cluster_configuration = {
        "kind": "ClusterConfiguration",
        "controllerManager": {"extraArgs": fast},
        "scheduler": {"extraArgs": fast},
        "apiServer": {
            "extraArgs": {
                "audit-policy-file": f"{policies}/{policy.name}",
                "audit-log-path": f"{inside}/{log.name}",
                "audit-log-maxsize": str(audit.SIZE_MIB),
                "audit-log-maxbackup": str(audit.BACKUPS),
            },
            "extraVolumes": [
                {"name": "policy", "hostPath": policies, "mountPath": policies, "readOnly": True},
                {"name": "audit", "hostPath": inside, "mountPath": inside, "readOnly": False},
            ],
        },
    }
    kubelet = {
        "kind": "KubeletConfiguration",
        # Loaded images cannot be pulled again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }
    node = {
        "role": "control-plane",
        "kubeadmConfigPatches": [json.dumps(patch) for patch in (cluster_configuration, kubelet)],
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
        self.state = self.where.state.parent / of_cluster("kind", self.where.name)
        # kind names its first node so, and the container it runs in.
        self.node = f"{self.where.name}-control-plane"

    def up(self) -> None:
        tool = require()
        with lock(self.where.lock):
            if not self._exists():
                policy, log = self.state / "policy" / "audit-policy.yaml", self.state / "audit" / audit.FILE
                write(policy, yaml.safe_dump(audit.policy()))
                log.parent.mkdir(parents=True, exist_ok=True)
                config = self.state / "kind.yaml"
                write(config, yaml.safe_dump(configuration(policy, log)))
                with step("creating a kind cluster"):
                    self._kind("create", "cluster", f"--config={config}", *self._ours(), "--wait=3m")
            elif not self.status().ready:
                # A machine that was restarted, or a kubeconfig that was deleted.
                with step("starting the kind cluster again"):
                    run([tool, "start", self.node])
                    self._kind("export", "kubeconfig", *self._ours())
                    self._kubectl()("wait", "--for=condition=Ready", "node", "--all", "--timeout=120s", timeout=130)
                    restore_fake_gpus(self._kubectl())
            say(f"the kind cluster is up: KUBECONFIG={self.kubeconfig()}")

    def down(self, *, purge: bool = False) -> None:
        """Images live in kind's node, so every `down` removes them; `purge` has nothing to add."""
        with lock(self.where.lock), step("deleting the kind cluster"):
            Daemons(self.where.pids, self.where.logs).stop(["kwok"])
            self._kind("delete", "cluster", *self._ours())
            remove_folder(self.state)

    def load(self, images: Sequence[str]) -> None:
        for image in images:
            with archive_of(image, self.where.cache) as archive, step(f"loading {archive.name} into kind"):
                self._kind("load", "image-archive", str(archive), f"--name={self.where.name}")

    def has_image(self, reference: str) -> bool:
        return canonical(reference) in self._ctr("list", "--quiet").split()

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
        facts = {"kubeconfig": str(self.kubeconfig()), "audit log": str(self.audit_log())}
        try:
            nodes = self._kubectl().nodes()
        except ClusterError as error:
            return Status(False, {**facts, "error": str(error).splitlines()[-1]})
        facts["nodes"] = f"{sum(map(node_ready, nodes))} of {len(nodes)} Ready"
        return Status(any(map(node_ready, nodes)), facts)

    def _exists(self) -> bool:
        return self.where.name in self._kind("get", "clusters").split()

    def _ours(self) -> list[str]:
        """Our cluster, and not ~/.kube/config, which is the user's."""
        return [f"--name={self.where.name}", f"--kubeconfig={self.kubeconfig()}"]

    def _kind(self, *words: str) -> str:
        provider = {"KIND_EXPERIMENTAL_PROVIDER": "podman"} if require() == "podman" else {}
        return run(["kind", *words], environ={**os.environ, **provider})

    def _ctr(self, *words: str) -> str:
        return run([require(), "exec", self.node, "ctr", "--namespace=k8s.io", "images", *words])

    def _kubectl(self) -> Kubectl:
        return Kubectl(self.tool("kubectl"), self.kubeconfig())
