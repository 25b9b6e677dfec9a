"""Nodes that are not there: kwok plays the kubelets of any number of GPU nodes, on the same API server and scheduler.

Their taint is the one that GPU nodes have in clouds, so pods of models go there and nothing else does.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from e2e.cluster.api import Kubectl
from e2e.cluster.daemons import Daemon, Daemons
from e2e.cluster.gpus import KWOK, PRODUCT, RESOURCE
from e2e.cluster.interface import Cluster
from e2e.cluster.paths import Paths

LABEL = "type=kwok"

LEASE_SECONDS = 120
"""kwok renews at a quarter of it: 30 s is within the 50 s after which the controller-manager calls a node lost, and a
thousand nodes then cost 33 requests a second, not 100."""

STAGES = (
    "node-initialize.yaml", "node-heartbeat-with-lease.yaml", "pod-ready.yaml", "pod-complete.yaml", "pod-delete.yaml",
)  # fmt: skip

READY_AGAIN = Path(__file__).with_name("pod-ready-again.yaml")
"""A stage of ours: without it a pod of a node that was lost for a moment is never Ready again."""


def fake_node(number: int, gpus: int, product: str) -> dict[str, Any]:
    """A node as an 8-GPU server would report it."""
    name = f"kwok-{number:04d}"
    capacity = {"cpu": "192", "memory": "2Ti", "ephemeral-storage": "4Ti", "pods": "250", RESOURCE: str(gpus)}
    labels = {"type": "kwok", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", PRODUCT: product}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {KWOK: "fake"}},
        "spec": {"taints": [{"key": RESOURCE, "value": "present", "effect": "NoSchedule"}]},
        "status": {"capacity": capacity, "allocatable": capacity},
    }


class Kwok:
    """The kwok controller as a daemon of this machine. It has no client-side rate limit."""

    def __init__(self, cluster: Cluster, where: Paths) -> None:
        self.cluster = cluster
        self.where = where
        self.daemons = Daemons(where.pids, where.logs)

    def start(
        self,
        nodes: int,
        gpus_per_node: int = 8,
        product: str = "NVIDIA-H100-80GB-HBM3",
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        """Run the controller and make nodes kwok-0000 up to `nodes`.

        Leases are renewed at a quarter of `lease_seconds`: more often where the API server is to be away at times.
        """
        self.daemons.start(Daemon("kwok", list(self._argv(lease_seconds)), {"PATH": os.environ.get("PATH", "")}))
        if nodes:
            self._kubectl().apply([fake_node(number, gpus_per_node, product) for number in range(nodes)])

    def stop(self) -> None:
        """Delete the nodes and end the controller. Pods still on them are collected by Kubernetes within a minute."""
        self._kubectl()("delete", "nodes", "--selector", LABEL, "--wait=false", timeout=300)
        self.daemons.stop(["kwok"])

    def _argv(self, lease_seconds: int) -> Iterator[str]:
        program = self.cluster.tool("kwok")
        own = self.where.config / "kwok.kubeconfig"
        yield str(program)
        yield f"--kubeconfig={own if self.cluster.way == 'local' else self.cluster.kubeconfig()}"
        yield f"--manage-nodes-with-annotation-selector={KWOK}=fake"
        yield f"--node-lease-duration-seconds={lease_seconds}"
        for stage in (*map(program.with_name, STAGES), READY_AGAIN):
            yield f"--config={stage}"

    def _kubectl(self) -> Kubectl:
        return Kubectl(self.cluster.tool("kubectl"), self.cluster.kubeconfig())
