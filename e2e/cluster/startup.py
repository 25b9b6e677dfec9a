"""Starts the local cluster from nothing running: network, certificates, configuration, then each daemon in turn."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from e2e.cluster import audit, certificates, debian, network
from e2e.cluster.api import Kubectl, api_ready, node_ready, wait_until
from e2e.cluster.binaries import Binaries
from e2e.cluster.cgroups import Cgroups
from e2e.cluster.commands import succeeds
from e2e.cluster.controlplane import ControlPlane
from e2e.cluster.daemons import Daemon, Daemons
from e2e.cluster.files import remove_folder, write
from e2e.cluster.images import Containerd
from e2e.cluster.network import Link, Subnets
from e2e.cluster.node import DNS_ROLE, Node
from e2e.cluster.paths import Paths
from e2e.cluster.pause import PAUSE, pause_archive
from e2e.cluster.progress import step

DAEMONS = (
    "etcd", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy",
    "coredns",
)  # fmt: skip

USERS = ("kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "coredns", "kwok")

KEPT_OVER_A_RESTART = ("kubelet", "pod-logs")
"""Of the node's folder; the rest is what a reboot would clear (sockets, leases of pod addresses, runc's state)."""


class Startup:
    def __init__(self, where: Paths, binaries: Binaries, daemons: Daemons) -> None:
        self.where = where
        self.binaries = binaries
        self.daemons = daemons

    def start(self) -> None:
        """Start everything and return when the node is Ready. Nothing of it may be running."""
        self.where.state.mkdir(parents=True, exist_ok=True)
        self.where.state.chmod(0o700)
        subnets = network.remember(self.where.state)
        control_plane = ControlPlane(self.where, self.binaries, subnets)
        node = Node(self.where, self.binaries, subnets)
        with step("preparing certificates, configuration and network"):
            self._prepare(subnets, node)
        with step("starting the control plane"):
            self._run("etcd", node.in_network(control_plane.etcd()))
            containerd = self._run("containerd", node.in_network(node.containerd()))
            self.start_api_server(subnets)
            self._run("kube-controller-manager", node.in_network(control_plane.controller_manager()))
            self._run("kube-scheduler", node.in_network(control_plane.scheduler()))
        self._sandbox_image(node)
        with step("starting the node"):
            self._run("kubelet", node.in_node(node.kubelet(), containerd))
            self._run("kube-proxy", node.in_network(node.kube_proxy()))
            kubectl = Kubectl(self.binaries.path("kubectl"), self.where.kubeconfig)
            kubectl.apply(DNS_ROLE)
            self._run("coredns", node.in_network(node.coredns()))
            self._wait("a Ready node", lambda: self._node_ready(kubectl), "kubelet")
            self._wait("the default service account", lambda: self._can_run_pods(kubectl), "kube-controller-manager")
        for name in DAEMONS:
            self.daemons.check(name)
        write(self.where.state / "fingerprint", self._fingerprint(subnets))

    def start_api_server(self, subnets: Subnets) -> None:
        """Start it and return when it is ready. etcd must run."""
        node = Node(self.where, self.binaries, subnets)
        argv = ControlPlane(self.where, self.binaries, subnets).apiserver()
        self._run("kube-apiserver", node.in_network(argv))
        authority = self.where.certificates / "ca.crt"
        self._wait("the API server's readiness", lambda: api_ready(subnets.server, authority), "kube-apiserver")

    def unchanged(self, subnets: Subnets) -> bool:
        """Whether what runs was started with the versions and settings that this code would use."""
        file = self.where.state / "fingerprint"
        return file.exists() and file.read_text() == self._fingerprint(subnets)

    def _fingerprint(self, subnets: Subnets) -> str:
        control_plane = ControlPlane(self.where, self.binaries, subnets)
        node = Node(self.where, self.binaries, subnets)
        lines = [control_plane.etcd(), control_plane.apiserver(), control_plane.controller_manager()]
        lines += [control_plane.scheduler(), node.containerd(), node.kubelet(), node.kube_proxy(), node.coredns()]
        everything = [lines, sorted(node.files().items()), audit.policy(), DNS_ROLE]
        return hashlib.sha256(json.dumps(everything).encode()).hexdigest()

    def _prepare(self, subnets: Subnets, node: Node) -> None:
        network.create(Link(self.where.name), subnets)
        Cgroups(self.where.name).create()
        certificates.issue(self.where.certificates, subnets)
        for user in USERS:
            config = certificates.kubeconfig(self.where.certificates, user, subnets.server)
            write(self.where.config / f"{user}.kubeconfig", config)
        write(self.where.kubeconfig, certificates.kubeconfig(self.where.certificates, "admin", subnets.server))
        write(self.where.config / "audit-policy.yaml", yaml.safe_dump(audit.policy()))
        for name, text in node.files().items():
            write(self.where.config / name, text)
        self.where.audit.mkdir(exist_ok=True)
        self.where.node.mkdir(exist_ok=True)
        for entry in self.where.node.iterdir():
            if entry.is_dir() and entry.name not in KEPT_OVER_A_RESTART:
                remove_folder(entry)

    def _run(self, name: str, argv: list[str]) -> int:
        folders = {str(self.binaries.path(program).parent) for program in ("containerd", "kubelet")}
        environ = {"PATH": ":".join([*sorted(folders), debian.SYSTEM_PATH]), "HOME": "/root", "LANG": "C.UTF-8"}
        return self.daemons.start(Daemon(name, argv, environ), Cgroups(self.where.name).daemons)

    def _wait(self, what: str, check: Callable[[], bool], daemon: str, timeout: float = 120.0) -> None:
        wait_until(what, check, timeout, lambda: self.daemons.check(daemon))

    def _sandbox_image(self, node: Node) -> None:
        store = Containerd(self.binaries.path("ctr"), node.socket)
        self._wait("containerd's readiness", lambda: succeeds([*store.command, "version"]), "containerd", 30.0)
        if store.has(PAUSE):
            return
        debian.require(debian.COMPILER)
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "pause.tar"
            pause_archive(archive)
            store.load(archive)

    @staticmethod
    def _node_ready(kubectl: Kubectl) -> bool:
        # After a crash the node is Ready in etcd: only its kubelet can say that it is again.
        if not succeeds([*kubectl.command, "get", "--raw", f"/api/v1/nodes/{certificates.NODE}/proxy/healthz"]):
            return False
        return any(node_ready(n) for n in kubectl.nodes() if n["metadata"]["name"] == certificates.NODE)

    @staticmethod
    def _can_run_pods(kubectl: Kubectl) -> bool:
        """A pod is refused until its namespace has this account, which takes the controller-manager a second."""
        return "default" in kubectl("get", "serviceaccount", "default", "--ignore-not-found", "-o", "name")
