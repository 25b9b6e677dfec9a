"""What the admission webhook keeps at the API server: its certificates in a Secret, and whom the API server trusts.

Both objects are made by the chart and only filled here, under a field manager of their own: neither Helm nor Argo CD
then sees a difference, and RBAC can name the two objects (the right to create cannot be bound to a name).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from modelberth.api.meta import GROUP, PLURAL
from modelberth.ports.kube import KubeApi, Raw

WEBHOOK = f"{PLURAL}.{GROUP}"
"""Name of the webhook inside the ValidatingWebhookConfiguration; refusals carry it."""

FIELD_MANAGER = "modelberth-webhook"
_APPLY = {"fieldManager": FIELD_MANAGER, "force": "true"}


@dataclass(frozen=True)
class Stored:
    """Content of the Secret. ``version`` guards the next write: one writer wins."""

    data: Mapping[str, bytes]
    version: str


class AdmissionApi(Protocol):
    """What the webhook asks of the API server. Every method raises ApiError."""

    async def read(self) -> Stored:
        """The Secret; status 404 where it is missing."""
        ...

    async def write(self, data: Mapping[str, bytes], version: str) -> None:
        """Replaces what was written before; status 409 where the Secret is not at ``version`` any more."""
        ...

    async def trusted(self) -> bytes:
        """The authorities (PEM) that the API server takes the webhook's certificate from; empty at first."""
        ...

    async def trust(self, authorities: bytes) -> None:
        """Makes it take these."""
        ...


@dataclass(frozen=True)
class KubeAdmission:
    """``AdmissionApi`` over raw calls: the client's classes for all of ``v1`` would cost 100 MiB."""

    kube: KubeApi
    namespace: str
    secret: str
    configuration: str
    """Name of the ValidatingWebhookConfiguration."""

    async def read(self) -> Stored:
        found = await self.kube.call("GET", self._secret)
        data = {name: base64.b64decode(text) for name, text in (found.get("data") or {}).items()}
        return Stored(data, found["metadata"]["resourceVersion"])

    async def write(self, data: Mapping[str, bytes], version: str) -> None:
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.secret, "namespace": self.namespace, "resourceVersion": version},
            "data": {name: base64.b64encode(content).decode() for name, content in data.items()},
        }
        await self._apply(self._secret, manifest)

    async def trusted(self) -> bytes:
        found = await self.kube.call("GET", self._configuration)
        bundles = [
            webhook["clientConfig"].get("caBundle", "")
            for webhook in found.get("webhooks") or []
            if webhook["name"] == WEBHOOK
        ]
        return base64.b64decode(bundles[0]) if bundles else b""

    async def trust(self, authorities: bytes) -> None:
        manifest = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": self.configuration},
            "webhooks": [{"name": WEBHOOK, "clientConfig": {"caBundle": base64.b64encode(authorities).decode()}}],
        }
        await self._apply(self._configuration, manifest)

    @property
    def _secret(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets/{self.secret}"

    @property
    def _configuration(self) -> str:
        return f"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{self.configuration}"

    async def _apply(self, path: str, manifest: Raw) -> None:
        await self.kube.call("PATCH", path, _APPLY, manifest, "application/apply-patch+yaml")
