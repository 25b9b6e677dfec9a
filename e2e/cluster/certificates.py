"""The cluster's certificate authority and everything it signs, made with openssl; and kubeconfigs from them.

Users are certificate subjects, as kubeadm does it: the bootstrap RBAC rules of the API server name the same ones.
"""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml

from e2e.cluster.commands import run
from e2e.cluster.network import Subnets

NODE = "modelberth"
"""The node's name."""

DAYS = "3650"

CONFIG = """\
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""
"""Ours, so that nothing depends on the machine's openssl.cnf."""


@dataclass(frozen=True)
class Certificate:
    """One leaf. Without `addresses` it is a client's, with them a server's (and they are its names)."""

    file: str
    user: str
    group: str = ""
    addresses: tuple[str, ...] = ()
    authority: str = "ca"

    @property
    def subject(self) -> str:
        return (f"/O={self.group}" if self.group else "") + f"/CN={self.user}"

    def extensions(self) -> str:
        lines = ["basicConstraints = critical, CA:FALSE", "keyUsage = critical, digitalSignature"]
        lines.append(f"extendedKeyUsage = {'serverAuth' if self.addresses else 'clientAuth'}")
        if self.addresses:
            lines.append("subjectAltName = " + ", ".join(map(alternative_name, self.addresses)))
        return "\n".join(lines) + "\n"


def alternative_name(address: str) -> str:
    kind = "IP" if address.replace(".", "").isdigit() else "DNS"
    return f"{kind}:{address}"


def leaves(subnets: Subnets) -> list[Certificate]:
    """Every certificate of the cluster."""
    api_names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    return [
        Certificate(
            "apiserver",
            "kube-apiserver",
            addresses=(*api_names, "localhost", subnets.node, subnets.api_service, "127.0.0.1"),
        ),
        # The kubelet's own server, so that `kubectl logs` and `exec` are verified too.
        Certificate("kubelet-server", f"system:node:{NODE}", "system:nodes", (NODE, subnets.node)),
        Certificate("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
        # Aggregated API servers (metrics, KEDA) trust this one to name the user.
        Certificate("front-proxy-client", "front-proxy-client", authority="front-proxy-ca"),
        Certificate("admin", "admin", "system:masters"),
        Certificate("kube-controller-manager", "system:kube-controller-manager"),
        Certificate("kube-scheduler", "system:kube-scheduler"),
        Certificate("kube-proxy", "system:kube-proxy"),
        Certificate("kubelet", f"system:node:{NODE}", "system:nodes"),
        Certificate("coredns", "system:coredns"),
        # A user of its own, so that the audit log can leave out what simulated nodes do.
        Certificate("kwok", "system:kwok", "system:masters"),
    ]


def issue(folder: Path, subnets: Subnets) -> None:
    """Make whatever `folder` lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "openssl.cnf").write_text(CONFIG)
    for authority in ("ca", "front-proxy-ca"):
        if not (folder / f"{authority}.crt").exists():
            _authority(folder, authority)
    for leaf in leaves(subnets):
        if not (folder / f"{leaf.file}.crt").exists():
            _sign(folder, leaf)
    if not (folder / "sa.pub").exists():
        run(["openssl", "genpkey", *_curve(), "-out", folder / "sa.key"])
        run(["openssl", "pkey", "-in", folder / "sa.key", "-pubout", "-out", folder / "sa.pub"])


def kubeconfig(folder: Path, user: str, server: str) -> str:
    """A kubeconfig for certificate file `user`, everything inside, the server verified."""

    def data(file: str) -> str:
        return base64.b64encode((folder / file).read_bytes()).decode()

    cluster = {"server": server, "certificate-authority-data": data("ca.crt")}
    credentials = {"client-certificate-data": data(f"{user}.crt"), "client-key-data": data(f"{user}.key")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "modelberth", "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": "modelberth", "context": {"cluster": "modelberth", "user": user}}],
        "current-context": "modelberth",
    }
    return yaml.safe_dump(config, sort_keys=False)


def _curve() -> list[str]:
    return ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"]


def _authority(folder: Path, name: str) -> None:
    key = folder / f"{name}.key"
    run(["openssl", "genpkey", *_curve(), "-out", key])
    request = ["openssl", "req", "-x509", "-new", "-config", str(folder / "openssl.cnf"), "-extensions", "authority"]
    run([*request, "-key", key, "-days", DAYS, "-subj", f"/CN=modelberth-{name}", "-out", folder / f"{name}.crt"])


def _sign(folder: Path, leaf: Certificate) -> None:
    key, request, extensions = (folder / f"{leaf.file}.{suffix}" for suffix in ("key", "csr", "ext"))
    extensions.write_text(leaf.extensions())
    run(["openssl", "genpkey", *_curve(), "-out", key])
    make = ["openssl", "req", "-new", "-config", str(folder / "openssl.cnf"), "-key", str(key)]
    run([*make, "-subj", leaf.subject, "-out", request])
    sign = ["openssl", "x509", "-req", "-in", str(request), "-extfile", str(extensions), "-days", DAYS]
    # Of our own making: -CAcreateserial would leave a counter file behind.
    sign += ["-set_serial", str(secrets.randbits(64)), "-out", str(folder / f"{leaf.file}.crt")]
    run([*sign, "-CA", folder / f"{leaf.authority}.crt", "-CAkey", folder / f"{leaf.authority}.key"])
    request.unlink()
    extensions.unlink()
