"""The webhook with certificates that cert-manager makes. Nothing of cert-manager is needed: the test plays its part."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from e2e.command import CommandError, wait_until
from e2e.install.stage import Stage
from e2e.webhook.conftest import NAME, Judge, upside_down
from modelberth.webhook.certificates import Kept, renewed

pytestmark = pytest.mark.timeout(900)

KUBELET_S = 240
"""Seconds until a changed Secret is in the pods: the kubelet looks every minute or so, and so does the operator."""


def definition(plural: str, kind: str) -> dict[str, Any]:
    """A kind of cert-manager's group that takes everything."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.cert-manager.io"},
        "spec": {
            "group": "cert-manager.io",
            "names": {"plural": plural, "kind": kind},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


@pytest.fixture(scope="module")
def _kinds(platform: Stage) -> Iterator[None]:
    if "certificates.cert-manager.io" in platform.kubectl("get", "crd", "-o", "name"):
        pytest.skip("this cluster has a cert-manager of its own")
    made = [definition("certificates", "Certificate"), definition("issuers", "Issuer")]
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": made})
    platform.kubectl("apply", "-f", "-", stdin=document)
    platform.kubectl("wait", "--for=condition=Established", "crd/certificates.cert-manager.io", "--timeout=30s")
    yield
    platform.kubectl("delete", "-f", "-", stdin=document)


def issue(judge: Judge, kept: Kept) -> None:
    """What cert-manager does: the certificate into the Secret, and its authority where the annotation says."""
    certificate = judge.platform.kubectl.json("-n", judge.system, "get", "certificates.cert-manager.io", NAME)
    data = {name: base64.b64encode(content).decode() for name, content in kept.data().items() if name != "ca.key"}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": certificate["spec"]["secretName"]},
        "type": "kubernetes.io/tls",
        "data": data,
    }
    judge.kubectl("apply", "-f", "-", stdin=json.dumps(secret))
    # The kubelet looks at mounted Secrets again when a pod changes, and every minute or two otherwise.
    for pod in judge.pods():
        judge.kubectl("annotate", "--overwrite", f"pod/{pod}", f"e2e/issued={kept.serving.end.timestamp():.0f}")
    configuration = judge.platform.kubectl.json("get", judge.configuration)
    assert configuration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"] == f"{judge.system}/{NAME}"
    patch = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": data["ca.crt"]}]
    judge.platform.kubectl("patch", judge.configuration, "--type=json", "--patch", json.dumps(patch))


@pytest.mark.usefixtures("_kinds")
def test_the_operator_takes_what_cert_manager_makes(judge: Judge) -> None:
    judge.install(certManager={"enabled": True})
    assert judge.ends() == [], "the operator is ready before there is a certificate"
    assert judge.try_out(upside_down()) is None

    (host,) = judge.platform.kubectl.json("-n", judge.system, "get", "certificates.cert-manager.io", NAME)["spec"][
        "dnsNames"
    ]
    now = datetime.now(UTC)
    first = renewed(None, host, now - timedelta(days=61))
    issue(judge, first)
    judge.wait_judging(upside_down(), KUBELET_S)

    second = renewed(first, host, now)
    issue(judge, second)
    ends = [second.serving.end.timestamp()] * 2
    wait_until("both replicas serve the new certificate", lambda: judge.ends() == ends, KUBELET_S)
    assert judge.try_out(upside_down()) is not None
    with pytest.raises(CommandError, match="no"):
        judge.kubectl("auth", "can-i", "get", "secrets", f"--as=system:serviceaccount:{judge.system}:judge-modelberth")
