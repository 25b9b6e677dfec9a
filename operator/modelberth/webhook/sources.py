"""Where the serving certificate comes from: the operator makes it and keeps it in a Secret, or cert-manager does."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from modelberth.ports.admission import AdmissionApi
from modelberth.webhook.certificates import Kept, Pair, renewed

log = logging.getLogger(__name__)


class Source(Protocol):
    """Asked again and again: whoever renews the certificate, the next answer has it."""

    @property
    def check_s(self) -> float:
        """Seconds between questions: for so long a replica may serve a certificate that was replaced."""
        ...

    async def current(self) -> Pair:
        """The certificate to serve now. Raises ApiError, OSError."""
        ...


@dataclass(frozen=True)
class SelfMade:
    """Renews what the Secret holds, and has the API server trust it before anybody serves it.

    Every replica may do so: of two that write at once the API server takes one, and the other reads that next time.
    """

    api: AdmissionApi
    name: str
    """DNS name of the Service: modelberth-webhook.modelberth-system.svc."""
    now: Callable[[], datetime]
    check_s: float = 60.0
    """Each costs two requests to the API server."""

    async def current(self) -> Pair:
        stored = await self.api.read()
        before = Kept.of(stored.data)
        kept = renewed(before, self.name, self.now())
        if kept != before:
            await self.api.write(kept.data(), stored.version)
            log.info("made a certificate for %s, until %s", self.name, kept.serving.end)
        if await self.api.trusted() != kept.authorities:
            await self.api.trust(kept.authorities)
            log.info("the API server is told whom to trust")
        return kept.serving


@dataclass(frozen=True)
class Mounted:
    """Reads a folder with tls.crt and tls.key. The kubelet replaces both when the Secret changes."""

    folder: Path
    check_s: float = 10.0

    async def current(self) -> Pair:
        return Pair((self.folder / "tls.crt").read_bytes(), (self.folder / "tls.key").read_bytes())
