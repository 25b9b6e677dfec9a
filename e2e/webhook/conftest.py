"""A release of its own whose webhook judges a namespace of its own: what other tests apply is none of its business."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from e2e.command import CommandError, wait_until
from e2e.install.client import make_namespace
from e2e.install.stage import HUB_URL, ROOT, Stage
from e2e.resources import small

RELEASE = "judge"
NAME = f"{RELEASE}-modelberth-webhook"
"""Of the Service and the Secret."""
EXPIRY = "modelberth_webhook_certificate_expiry_timestamp_seconds"


def upside_down(name: str = "upside-down") -> dict[str, Any]:
    """Breaks a rule that no schema and no CEL can hold."""
    return small(name, resources={"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}})


@dataclass(frozen=True)
class Judge:
    """A release of the chart in ``system``. It serves no model; its webhook judges the namespace ``judged``."""

    platform: Stage
    system: str
    judged: str

    @property
    def configuration(self) -> str:
        return f"validatingwebhookconfiguration/{NAME}.{self.system}"

    def install(self, **webhook: Any) -> None:
        """``helm upgrade --install``; ``webhook`` are values of the chart below ``webhook``."""
        repository, _, tag = self.platform.image("operator").rpartition(":")
        selector = {"matchLabels": {"kubernetes.io/metadata.name": self.judged}}
        values = {
            "image": {"repository": repository, "tag": tag},
            "hub": {"endpoint": HUB_URL},
            "crds": {"install": False},
            "watchNamespaces": [self.system],
            "webhook": {"enabled": True, "namespaceSelector": selector, **webhook},
            "logFormat": "text",
        }
        self.platform.helm(
            *("upgrade", "--install", RELEASE, str(ROOT / "charts" / "modelberth"), "--namespace", self.system),
            *("--wait", "--timeout", "180s", "--values", "-"),
            stdin=json.dumps(values),
            timeout=240,
        )

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """In the namespace of the release."""
        return self.platform.kubectl("-n", self.system, *args, stdin=stdin)

    def apply(self, resource: dict[str, Any], *args: str) -> str:
        """``kubectl apply`` into the judged namespace. Raises CommandError where it is refused."""
        return self.platform.kubectl("-n", self.judged, "apply", *args, "-f", "-", stdin=json.dumps(resource))

    def try_out(self, resource: dict[str, Any]) -> str | None:
        """What kubectl prints where it is refused, None where it is not. Nothing is stored."""
        try:
            self.apply(resource, "--dry-run=server")
        except CommandError as error:
            return str(error)
        return None

    def trusted(self) -> str:
        """The webhook's caBundle, base64."""
        path = "jsonpath={.webhooks[0].clientConfig.caBundle}"
        return self.platform.kubectl("get", self.configuration, "-o", path)

    def pods(self) -> list[str]:
        """Names of the operator's pods."""
        selector = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/name=modelberth"
        names = self.kubectl("get", "pods", "-l", selector, "-o", "name")
        return [name.removeprefix("pod/") for name in names.split()]

    def ends(self) -> list[float]:
        """When the certificate of each pod ends, in Unix time: of what the API server asks, one pod may get all."""
        found = []
        for pod in self.pods():
            metrics = self.kubectl("get", "--raw", f"/api/v1/namespaces/{self.system}/pods/{pod}:8080/proxy/metrics")
            found += re.findall(rf"^{EXPIRY} (\S+)$", metrics, re.MULTILINE)
        return [float(end) for end in found]

    def wait_judging(self, refused: dict[str, Any], timeout_s: float = 60) -> None:
        """Returns once a resource that has to be refused is."""
        wait_until("the webhook judges", lambda: self.try_out(refused), timeout_s)


@pytest.fixture(scope="module")
def judge(platform: Stage) -> Iterator[Judge]:
    """Two namespaces, and nothing installed yet."""
    token = secrets.token_hex(3)
    made = Judge(platform, f"e2e-webhook-{token}-system", f"e2e-webhook-{token}")
    for namespace in (made.system, made.judged):
        make_namespace(platform, namespace)
    yield made
    platform.helm("uninstall", RELEASE, "--namespace", made.system, "--ignore-not-found", "--wait")
    platform.kubectl("delete", "namespace", made.system, made.judged, "--wait=false")
