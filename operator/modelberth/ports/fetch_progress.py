"""How far a fetcher is, asked by the address of its pod. The pod is the tenants': it can say anything, or nothing."""

import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from modelberth.ports.engine_metrics import EngineMetrics, EngineMetricsError

Phase = Literal["Pending", "Waiting", "Downloading", "Verifying", "Complete"]
PATH = "/progress"
MAX_CHARACTERS = 4096
_MOST = 2**53
"""What JSON readers agree on; no repository is larger."""


@dataclass(frozen=True)
class Progress:
    """What one fetcher says of itself."""

    phase: Phase
    bytes: int = 0
    """Bytes that are there, at most ``total``."""
    total: int = 0
    """Bytes of all files; 0 while they are not known."""
    bytes_per_second: int = 0
    eta_seconds: int | None = None
    """Seconds left at that speed; None while nothing arrives."""


class FetchProgress(Protocol):
    """Fetchers, as they run in pods."""

    async def read(self, address: str) -> Progress | None:
        """How far the fetcher of the pod with this IP is; None where it does not say."""
        ...


@dataclass(frozen=True)
class HttpFetchProgress:
    """The real thing. ``http`` bounds time, size and number of questions, and follows no redirect."""

    http: EngineMetrics
    port: int

    async def read(self, address: str) -> Progress | None:
        try:
            return parse_progress(await self.http.read(address, self.port, PATH))
        except EngineMetricsError:
            return None


def parse_progress(text: str) -> Progress | None:
    """The progress in a fetcher's answer; None where it is none."""
    try:
        record = json.loads(text) if len(text) <= MAX_CHARACTERS else None
    except (ValueError, RecursionError):
        return None
    match record:
        case {"phase": str(phase), "bytes": done, "total": total, "bytesPerSecond": speed, **rest}:
            left = rest.get("etaSeconds")
            numbers = (done, total, speed, *(() if left is None else (left,)))
            if phase in get_args(Phase) and all(map(_is_count, numbers)):
                return Progress(phase, min(done, total), total, speed, left)  # type: ignore[arg-type]
    return None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST
