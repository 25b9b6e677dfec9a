"""Certificates, checked by openssl and by Python's own TLS."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from e2e.cluster import certificates
from e2e.cluster.network import Subnets

SUBNETS = Subnets(231)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    target = tmp_path_factory.mktemp("pki")
    certificates.issue(target, SUBNETS)
    return target


def openssl(*words: str | Path) -> str:
    return subprocess.run(["openssl", *words], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("leaf", certificates.leaves(SUBNETS), ids=lambda leaf: leaf.file)
def test_authority_vouches_for_the_leaf(folder: Path, leaf: certificates.Certificate) -> None:
    purpose = "sslserver" if leaf.addresses else "sslclient"
    authority = folder / f"{leaf.authority}.crt"
    openssl("verify", "-x509_strict", "-purpose", purpose, "-CAfile", authority, folder / f"{leaf.file}.crt")


def test_the_api_server_is_valid_for_every_way_to_it(folder: Path) -> None:
    text = openssl("x509", "-in", folder / "apiserver.crt", "-noout", "-ext", "subjectAltName")
    for name in ("IP Address:10.231.0.2", "IP Address:10.232.0.1", "DNS:kubernetes.default.svc", "DNS:localhost"):
        assert name in text


def test_node_identity_is_what_the_node_authorizer_expects(folder: Path) -> None:
    text = openssl("x509", "-in", folder / "kubelet.crt", "-noout", "-subject", "-nameopt", "RFC2253")
    assert text.strip() == "subject=CN=system:node:modelberth,O=system:nodes"


def test_issue_again_changes_nothing(folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    certificates.issue(folder, SUBNETS)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_keys_are_private(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0


def test_kubeconfig_verifies_the_server(folder: Path) -> None:
    config = yaml.safe_load(certificates.kubeconfig(folder, "admin", SUBNETS.server))
    (cluster,) = config["clusters"]
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == (folder / "ca.crt").read_bytes()
    assert "insecure-skip-tls-verify" not in cluster["cluster"]
    assert cluster["cluster"]["server"] == "https://10.231.0.2:6443"
