"""How the webhook runs in this process. Imports nothing, so that a process without it pays nothing."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WebhookOptions:
    """``name`` is that of its Service, and of the Secret with its certificates, in the operator's namespace."""

    name: str
    port: int
    certificates: Path | None = None
    """Folder with the certificate that cert-manager made; None: the operator makes its own."""

    def configuration(self, namespace: str) -> str:
        """Name of the ValidatingWebhookConfiguration, which is of the whole cluster."""
        return f"{self.name}.{namespace}"

    def host(self, namespace: str) -> str:
        """Name that the API server expects in the certificate."""
        return f"{self.name}.{namespace}.svc"
