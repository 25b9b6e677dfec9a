"""containerd, kubelet, kube-proxy and CoreDNS: their configuration files (as data) and command lines."""

import json
from dataclasses import dataclass
from typing import Any

from e2e.cluster.binaries import Binaries
from e2e.cluster.certificates import NODE
from e2e.cluster.network import Link, Subnets, in_network
from e2e.cluster.paths import Paths
from e2e.cluster.pause import PAUSE

BOUND = {"run": "/run/containerd", "cni": "/var/lib/cni", "links": "/var/log/containers"}
"""Folders that containerd's shims, CNI and kubelet use whatever one configures: in the node's mount namespace they are
folders of ours, so a Docker on this machine never meets them."""

MOUNT_AND_EXEC = """
set -e
while [ "$1" != -- ]; do mkdir -p "$1" "$2"; mount --bind "$1" "$2"; shift 2; done
shift
exec "$@"
"""


@dataclass(frozen=True)
class Node:
    """What the one node is made of."""

    where: Paths
    binaries: Binaries
    subnets: Subnets

    @property
    def socket(self) -> str:
        return str(self.where.node / "containerd.sock")

    def _kubeconfig(self, user: str) -> str:
        return str(self.where.config / f"{user}.kubeconfig")

    def files(self) -> dict[str, str]:
        """Configuration files, by name below the config folder."""
        return {
            "containerd.toml": self._containerd_config(),
            "cni/10-modelberth.conflist": json.dumps(self._cni_config(), indent=2),
            "kubelet.yaml": json.dumps(self._kubelet_config(), indent=2),
            "Corefile": self._corefile(),
            # For pods that ask for the node's resolver: the machine's own would be out of reach.
            "resolv.conf": f"nameserver {self.subnets.node}\n",
        }

    def containerd(self) -> list[str]:
        """In a mount namespace of its own, and kubelet in the same: with two, containers see service account token
        volumes as empty folders. It also takes every mount along when its last process ends."""
        binds = [word for name, target in BOUND.items() for word in (str(self.where.node / name), target)]
        program = [str(self.binaries.path("containerd")), f"--config={self.where.config / 'containerd.toml'}"]
        unshare = ["unshare", "--mount", "--propagation", "slave", "/bin/sh", "-c", MOUNT_AND_EXEC, "sh"]
        return [*unshare, *binds, "--", *program]

    def kubelet(self) -> list[str]:
        return [
            str(self.binaries.path("kubelet")),
            f"--config={self.where.config / 'kubelet.yaml'}",
            f"--kubeconfig={self._kubeconfig('kubelet')}",
            f"--hostname-override={NODE}",
            f"--node-ip={self.subnets.node}",
            f"--root-dir={self.where.node / 'kubelet'}",
            f"--cert-dir={self.where.node / 'kubelet-certificates'}",
        ]

    def kube_proxy(self) -> list[str]:
        return [
            str(self.binaries.path("kube-proxy")),
            f"--kubeconfig={self._kubeconfig('kube-proxy')}",
            f"--hostname-override={NODE}",
            "--proxy-mode=iptables",
            f"--cluster-cidr={self.subnets.pods}",
            "--healthz-bind-address=127.0.0.1:10256",
            "--metrics-bind-address=127.0.0.1:10249",
            # nf_conntrack_max belongs to the machine, and a lower oom_score_adj needs CAP_SYS_RESOURCE.
            "--conntrack-max-per-core=0",
            "--oom-score-adj=0",
        ]

    def coredns(self) -> list[str]:
        return [str(self.binaries.path("coredns")), "-conf", str(self.where.config / "Corefile")]

    def in_network(self, argv: list[str]) -> list[str]:
        """`argv`, run in the node's network namespace."""
        return in_network(Link(self.where.name), argv)

    def in_node(self, argv: list[str], containerd: int) -> list[str]:
        """`argv`, run in the network and the mount namespace of containerd, whose pid is given."""
        return self.in_network([f"--mount=/proc/{containerd}/ns/mnt", *argv])

    def _containerd_config(self) -> str:
        # restrict_oom_score_adj: a container's score may not be set below ours without CAP_SYS_RESOURCE.
        # disable_apparmor: the profile would have to be loaded into the machine's kernel.
        # netns_mounts_under_state_dir: else each pod leaves a file in the machine's /run/netns.
        return f"""\
version = 3
root = "{self.where.images}"
state = "{self.where.node / "containerd"}"
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{PAUSE}"
[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{self.where.config / "cni"}"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      Root = "{self.where.node / "runc"}"
"""

    def _cni_config(self) -> dict[str, Any]:
        # ptp, not bridge: every packet is routed, so kube-proxy's rules see those between two pods of this node
        # without the br_netfilter kernel module.
        ipam = {
            "type": "host-local",
            "dataDir": str(self.where.node / "ipam"),
            "ranges": [[{"subnet": str(self.subnets.pods)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        plugins = [{"type": "ptp", "ipam": ipam}, {"type": "portmap", "capabilities": {"portMappings": True}}]
        return {"cniVersion": "1.0.0", "name": "modelberth", "plugins": plugins}

    def _kubelet_config(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.subnets.node,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(self.where.certificates / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(self.where.certificates / "kubelet-server.crt"),
            "tlsPrivateKeyFile": str(self.where.certificates / "kubelet-server.key"),
            "clusterDomain": "cluster.local",
            "clusterDNS": [self.subnets.node],
            "resolvConf": str(self.where.config / "resolv.conf"),
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "podLogsDir": str(self.where.node / "pod-logs"),
            # cgroupfs below our own root works on v1 and v2, with systemd on the machine and without.
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.where.name}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            # The machine's sysctls are the machine's.
            "protectKernelDefaults": False,
            "makeIPTablesUtilChains": False,
            "maxPods": 200,
            # A disk that looks full makes kubelet delete images that no pod uses, and these cannot be pulled again.
            # Naming evictionHard drops its defaults, so no signal of the disk is left either.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "evictionHard": {"memory.available": "100Mi"},
        }

    def _corefile(self) -> str:
        # Names outside the cluster do not exist: asking the machine's resolver would let a test lean on the internet.
        return f"""\
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {{
  bind {self.subnets.node}
  errors
  kubernetes cluster.local in-addr.arpa ip6.arpa {{
    kubeconfig {self._kubeconfig("coredns")}
    ttl 5
  }}
}}
.:53 {{
  bind {self.subnets.node}
  ready 127.0.0.1:8181
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
"""


DNS_ROLE: list[dict[str, Any]] = [
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "system:coredns"},
        "rules": [
            {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "system:coredns"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:coredns"}],
    },
]
"""What CoreDNS reads. The other components' roles are the API server's own."""
