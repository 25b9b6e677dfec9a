"""The local way: the real daemons of one node as processes of this machine, in namespaces and a control group of
their own. It needs root on Linux, and nothing that is not built or installed by `up`."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from e2e.cluster import audit, debian, network
from e2e.cluster.api import Kubectl, api_ready, node_ready
from e2e.cluster.binaries import Binaries
from e2e.cluster.cgroups import Cgroups
from e2e.cluster.daemons import Daemons
from e2e.cluster.files import lock, remove_folder
from e2e.cluster.gpus import restore_fake_gpus
from e2e.cluster.images import Containerd, archive_of
from e2e.cluster.interface import ClusterError, Status
from e2e.cluster.node import BOUND, Node
from e2e.cluster.paths import Paths, paths
from e2e.cluster.progress import say, step
from e2e.cluster.startup import DAEMONS, Startup

PROGRAMS = (
    "etcd", "kube-apiserver", "containerd", "containerd-shim-runc-v2", "ctr", "kubelet", "kube-proxy",
    "kube-controller-manager", "kube-scheduler", "coredns", "kubectl",
)  # fmt: skip


class LocalCluster:
    way = "local"

    def __init__(self, where: Paths | None = None) -> None:
        self.where = where or paths()
        self.binaries = Binaries(self.where)
        self.daemons = Daemons(self.where.pids, self.where.logs)

    def up(self) -> None:
        _require_root()
        with self._locked():
            subnets = network.recall(self.where.state)
            if subnets and self._serving(subnets):
                say(f"the local cluster is up: KUBECONFIG={self.where.kubeconfig}")
                return
            debian.require(debian.PACKAGES)
            self.binaries.build(PROGRAMS)
            if subnets:
                say("the local cluster is not whole: restarting it (what it stored is kept)")
            self._stop()
            Startup(self.where, self.binaries, self.daemons).start()
            restore_fake_gpus(self.kubectl())
            say(f"the local cluster is up: KUBECONFIG={self.where.kubeconfig}")

    def down(self, *, purge: bool = False) -> None:
        _require_root()
        with self._locked():
            with step("stopping the local cluster"):
                self._stop(forget_containers=True)
                Cgroups(self.where.name).remove()
                remove_folder(self.where.state)
                self._remove_mount_points()
            if purge:
                with step("removing the kept images"):
                    remove_folder(self.where.images)
            elif self.where.images.exists():
                say(f"images are kept for the next `up` in {self.where.images} (`down --purge` removes them)")

    def load(self, images: Sequence[str]) -> None:
        store = self._store()
        for image in images:
            with archive_of(image, self.where.cache) as archive:
                store.load(archive)

    def has_image(self, reference: str) -> bool:
        return self._store().has(reference)

    def kubeconfig(self) -> Path:
        return self.where.kubeconfig

    def audit_log(self) -> Path | None:
        return self.where.audit / audit.FILE

    def tool(self, name: str) -> Path:
        return self.binaries.tool(name)

    def kubectl(self) -> Kubectl:
        return Kubectl(self.binaries.path("kubectl"), self.where.kubeconfig)

    def status(self) -> Status:
        subnets = network.recall(self.where.state)
        if subnets is None:
            return Status(False, {"cluster": "not there; `up` makes it"})
        facts = {"kubeconfig": str(self.where.kubeconfig), "server": subnets.server}
        facts["daemons"] = ", ".join(self._daemon_facts())
        ready = self._serving(subnets)
        if ready:
            nodes = self.kubectl().nodes()
            ready = bool(nodes) and any(map(node_ready, nodes))
            facts["nodes"] = f"{sum(map(node_ready, nodes))} of {len(nodes)} Ready"
        facts["audit log"] = str(self.audit_log())
        facts["logs"] = str(self.where.logs)
        facts["images"] = str(self.where.images)
        return Status(ready, facts)

    def _daemon_facts(self) -> Iterator[str]:
        for name in sorted({*DAEMONS, *self.daemons.names()}):
            pid = self.daemons.running(name)
            yield f"{name} {pid}" if pid else f"{name} DEAD"

    def _serving(self, subnets: network.Subnets) -> bool:
        alive = all(self.daemons.running(name) for name in DAEMONS)
        startup = Startup(self.where, self.binaries, self.daemons)
        return alive and startup.unchanged(subnets) and api_ready(subnets.server, self.where.certificates / "ca.crt")

    def _stop(self, *, forget_containers: bool = False) -> None:
        """End every process of the cluster and its network, in whatever state they are."""
        groups = Cgroups(self.where.name)
        others = [name for name in self.daemons.names() if name not in ("kubelet", "containerd")]
        # kubelet first: it would start again what goes away next.
        self.daemons.stop(["kubelet"])
        if forget_containers and self.daemons.running("containerd"):
            # After a crash there is nobody to ask; the next kubelet then removes them as unknown pods.
            with contextlib.suppress(ClusterError):
                self._store().remove_containers()
        # The API server would wait ten seconds for watches to end; what it acknowledged is in etcd.
        self.daemons.stop(["containerd", *others], timeout=2.0)
        groups.kill()
        network.remove(network.Link(self.where.name))

    def _remove_mount_points(self) -> None:
        """Not under a cluster of another name: removing a folder unmounts what other mount namespaces have there."""
        if any(self.where.state.parent.glob("cluster*/network.json")):
            return
        for folder in BOUND.values():
            # Somebody else's are not empty.
            with contextlib.suppress(OSError):
                Path(folder).rmdir()

    def _store(self) -> Containerd:
        subnets = network.recall(self.where.state)
        if not subnets or not self.daemons.running("containerd"):
            raise ClusterError("the local cluster is not up.\nWay out: python -m e2e.cluster up")
        return Containerd(self.binaries.path("ctr"), Node(self.where, self.binaries, subnets).socket)

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        return lock(self.where.lock)


def _require_root() -> None:
    if not sys.platform.startswith("linux"):
        raise ClusterError("the local cluster runs on Linux only.\nWay out: install Docker and kind, then CLUSTER=kind")
    if os.geteuid() != 0:
        raise ClusterError(
            "the local cluster makes namespaces and mounts and so needs root.\n"
            "Way out: install Docker or Podman and kind, then CLUSTER=kind; or run this as root"
        )
