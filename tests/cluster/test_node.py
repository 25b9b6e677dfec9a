"""What the node's configuration must say whatever else changes."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.binaries import Binaries
from e2e.cluster.controlplane import ControlPlane
from e2e.cluster.network import Subnets
from e2e.cluster.node import Node
from e2e.cluster.paths import Paths
from e2e.cluster.pause import PAUSE

WHERE = Paths(Path("/cache"), Path("/state"))
SUBNETS = Subnets(231)


@pytest.fixture
def node() -> Node:
    return Node(WHERE, Binaries(WHERE), SUBNETS)


@pytest.fixture
def kubelet(node: Node) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(node.files()["kubelet.yaml"])
    return config


def test_kubelet_never_deletes_images(kubelet: dict[str, Any]) -> None:
    assert kubelet["imageGCHighThresholdPercent"] == 100
    assert not any("fs." in signal for signal in kubelet["evictionHard"])


def test_kubelet_asks_who_is_calling(kubelet: dict[str, Any]) -> None:
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}
    assert kubelet["authorization"] == {"mode": "Webhook"}


def test_pods_resolve_names_in_the_cluster_only(node: Node, kubelet: dict[str, Any]) -> None:
    assert kubelet["clusterDNS"] == [SUBNETS.node]
    assert "forward" not in node.files()["Corefile"]


def test_containerd_config_is_toml_and_keeps_images_in_the_cache(node: Node) -> None:
    config = tomllib.loads(node.files()["containerd.toml"])
    assert config["root"] == "/cache/containerd"
    assert config["plugins"]["io.containerd.cri.v1.images"]["pinned_images"] == {"sandbox": PAUSE}


def test_containerd_gets_folders_of_its_own_in_its_mount_namespace(node: Node) -> None:
    words = node.containerd()
    assert words[:2] == ["unshare", "--mount"]
    assert words[words.index("sh", 6) + 1 :][:2] == ["/state/node/run", "/run/containerd"]
    assert words[words.index("--") + 1].endswith("/containerd")


def test_kubelet_joins_containerd(node: Node) -> None:
    assert node.in_node(node.kubelet(), 42)[:3] == [
        "nsenter",
        "--net=/run/netns/modelberth",
        "--mount=/proc/42/ns/mnt",
    ]


def test_api_server_authorizes_and_audits() -> None:
    words = ControlPlane(WHERE, Binaries(WHERE), SUBNETS).apiserver()
    assert "--authorization-mode=Node,RBAC" in words
    assert "--audit-log-path=/state/audit/audit.jsonl" in words
    assert "--service-cluster-ip-range=10.232.0.0/16" in words


def test_every_kubeconfig_of_a_daemon_is_written(node: Node) -> None:
    from e2e.cluster.startup import USERS

    control_plane = ControlPlane(WHERE, Binaries(WHERE), SUBNETS)
    words = [*control_plane.controller_manager(), *control_plane.scheduler(), *node.kubelet(), *node.kube_proxy()]
    named = {Path(word.partition("=")[2]).stem for word in words if "kubeconfig=" in word}
    assert named <= set(USERS)
    assert "/state/config/coredns.kubeconfig" in node.files()["Corefile"]
