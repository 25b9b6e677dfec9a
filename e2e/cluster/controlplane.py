"""etcd, API server, controller-manager, scheduler: their command lines."""

from dataclasses import dataclass

from e2e.cluster import audit
from e2e.cluster.binaries import Binaries
from e2e.cluster.network import Subnets
from e2e.cluster.paths import Paths

ETCD = "http://127.0.0.1:2379"
"""Plain HTTP on the namespace's own loopback: nothing outside the node reaches it."""

PEER = "http://127.0.0.1:2380"

FAST_CLIENT = ["--kube-api-qps=500", "--kube-api-burst=1000"]
"""The default of 20 requests a second makes ReplicaSets of 500 Deployments in 90 s, and would be what tests measure."""

ALONE = ["--leader-elect=false"]


@dataclass(frozen=True)
class ControlPlane:
    """Command lines by daemon name."""

    where: Paths
    binaries: Binaries
    subnets: Subnets

    def _pki(self, file: str) -> str:
        return str(self.where.certificates / file)

    def _program(self, name: str) -> str:
        return str(self.binaries.path(name))

    def etcd(self) -> list[str]:
        return [
            self._program("etcd"),
            "--name=modelberth",
            f"--data-dir={self.where.etcd}",
            f"--listen-client-urls={ETCD}",
            f"--advertise-client-urls={ETCD}",
            f"--listen-peer-urls={PEER}",
            f"--initial-advertise-peer-urls={PEER}",
            f"--initial-cluster=modelberth={PEER}",
            # What a power cut would lose is a test cluster; fsync costs more than everything else it does.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def apiserver(self) -> list[str]:
        return [
            self._program("kube-apiserver"),
            f"--etcd-servers={ETCD}",
            f"--advertise-address={self.subnets.node}",
            "--secure-port=6443",
            f"--service-cluster-ip-range={self.subnets.services}",
            f"--tls-cert-file={self._pki('apiserver.crt')}",
            f"--tls-private-key-file={self._pki('apiserver.key')}",
            f"--client-ca-file={self._pki('ca.crt')}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={self._pki('sa.pub')}",
            f"--service-account-signing-key-file={self._pki('sa.key')}",
            *self._kubelet_client(),
            *self._aggregation(),
            *self._audit(),
        ]

    def controller_manager(self) -> list[str]:
        kubeconfig = self.where.config / "kube-controller-manager.kubeconfig"
        return [
            self._program("kube-controller-manager"),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self.where.state / 'kube-controller-manager'}",
            # Each controller with the rights of its own role only, as in real clusters.
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={self._pki('sa.key')}",
            f"--root-ca-file={self._pki('ca.crt')}",
            f"--cluster-signing-cert-file={self._pki('ca.crt')}",
            f"--cluster-signing-key-file={self._pki('ca.key')}",
            *ALONE,
            *FAST_CLIENT,
        ]

    def scheduler(self) -> list[str]:
        kubeconfig = self.where.config / "kube-scheduler.kubeconfig"
        return [
            self._program("kube-scheduler"),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self.where.state / 'kube-scheduler'}",
            *ALONE,
            *FAST_CLIENT,
        ]

    def _kubelet_client(self) -> list[str]:
        return [
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-certificate-authority={self._pki('ca.crt')}",
            f"--kubelet-client-certificate={self._pki('apiserver-kubelet-client.crt')}",
            f"--kubelet-client-key={self._pki('apiserver-kubelet-client.key')}",
        ]

    def _aggregation(self) -> list[str]:
        return [
            f"--proxy-client-cert-file={self._pki('front-proxy-client.crt')}",
            f"--proxy-client-key-file={self._pki('front-proxy-client.key')}",
            f"--requestheader-client-ca-file={self._pki('front-proxy-ca.crt')}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        ]

    def _audit(self) -> list[str]:
        return [
            f"--audit-policy-file={self.where.config / 'audit-policy.yaml'}",
            f"--audit-log-path={self.where.audit / audit.FILE}",
            f"--audit-log-maxsize={audit.SIZE_MIB}",
            f"--audit-log-maxbackup={audit.BACKUPS}",
        ]
