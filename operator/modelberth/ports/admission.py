"""What the admission webhook keeps at the API server: its certificates in a Secret, and whom the API server trusts.

Both objects are made by the chart and only filled here, under a field manager of their own: neither Helm nor Argo CD
then sees a difference, and RBAC can name the two objects (the right to create cannot be bound to a name).
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from kubernetes.aio import client

from modelberth.api.meta import GROUP, PLURAL
from modelberth.ports.kube import ApiError

FIELD_MANAGER = "modelberth-webhook"
WEBHOOK = f"{PLURAL}.{GROUP}"
"""Name of the webhook inside the ValidatingWebhookConfiguration; refusals carry it."""

TIMEOUT_S = 15
_APPLY: Mapping[str, Any] = {
    "field_manager": FIELD_MANAGER,
    "force": True,
    "_content_type": "application/apply-patch+yaml",
    "_request_timeout": TIMEOUT_S,
}


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
    """``AdmissionApi`` over the official client."""

    api: client.ApiClient
    namespace: str
    secret: str
    configuration: str
    """Name of the ValidatingWebhookConfiguration."""

    async def read(self) -> Stored:
        with _asked(f"Secret {self.secret}"):
            core = client.CoreV1Api(self.api)
            found = await core.read_namespaced_secret(self.secret, self.namespace, _request_timeout=TIMEOUT_S)
        data = {name: base64.b64decode(text) for name, text in (found.data or {}).items()}
        assert found.metadata is not None
        return Stored(data, str(found.metadata.resource_version))

    async def write(self, data: Mapping[str, bytes], version: str) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.secret, "namespace": self.namespace, "resourceVersion": version},
            "data": {name: base64.b64encode(content).decode() for name, content in data.items()},
        }
        with _asked(f"Secret {self.secret}"):
            await client.CoreV1Api(self.api).patch_namespaced_secret(self.secret, self.namespace, body, **_APPLY)

    async def trusted(self) -> bytes:
        with _asked(f"ValidatingWebhookConfiguration {self.configuration}"):
            registrations = client.AdmissionregistrationV1Api(self.api)
            found = await registrations.read_validating_webhook_configuration(
                self.configuration, _request_timeout=TIMEOUT_S
            )
        bundles = [webhook.client_config.ca_bundle for webhook in found.webhooks or [] if webhook.name == WEBHOOK]
        return base64.b64decode(bundles[0] or "") if bundles else b""

    async def trust(self, authorities: bytes) -> None:
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": self.configuration},
            "webhooks": [{"name": WEBHOOK, "clientConfig": {"caBundle": base64.b64encode(authorities).decode()}}],
        }
        with _asked(f"ValidatingWebhookConfiguration {self.configuration}"):
            registrations = client.AdmissionregistrationV1Api(self.api)
            await registrations.patch_validating_webhook_configuration(self.configuration, body, **_APPLY)


@contextmanager
def _asked(what: str) -> Iterator[None]:
    """Turns the client's errors into ApiError."""
    try:
        yield
    except client.ApiException as error:
        raise ApiError(error.status or 0, f"{what}: {error.reason}: {error.body}") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ApiError(0, f"{what}: {error!r}") from error
