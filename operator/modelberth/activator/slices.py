"""Reads EndpointSlices: doors (a port of ours that belongs to one model) and backends (its ready pods). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from modelberth.manifests.names import (
    ACTIVATOR_PORTS,
    API_KEY,
    OWNER_LABEL,
    SERVED_NAME,
    SLICE_MANAGED_BY,
    SLICE_MANAGER,
    SLICE_SERVICE,
)

ENDPOINT_CONTROLLER = "endpointslice-controller.k8s.io"

Raw = Mapping[str, Any]
Key = tuple[str, str]
"""namespace, name of a ModelDeployment"""


@dataclass(frozen=True, order=True)
class Backend:
    """Where a ready engine pod listens."""

    address: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}"


@dataclass(frozen=True)
class Pods:
    """What one slice of the endpoint controller says about a model."""

    key: Key
    backends: frozenset[Backend]
    since: str
    """When the slice was made (RFC 3339, UTC): its Service is no younger."""


@dataclass(frozen=True)
class Door:
    """A port of this process that is one model's alone."""

    key: Key
    port: int
    served_name: str
    needs_key: bool
    since: str
    """As that of Pods."""
    addresses: frozenset[str]
    """Activator pods that the slice leads to."""

    @property
    def created(self) -> int:
        """The same in seconds since 1970; 0 where it cannot be read."""
        try:
            return int(datetime.fromisoformat(self.since).astimezone(UTC).timestamp())
        except ValueError:
            return 0


def read(raw: Raw) -> Door | Pods | None:
    """What the slice means to us. None: nothing; its writer is no friend, or made a mistake."""
    try:
        return _read(raw)
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def claims(doors: Iterable[Door], since: Mapping[Key, str]) -> tuple[dict[int, Door], list[Door]]:
    """Port -> its door, and the doors that came too late: of two models that claim one port the older keeps it.

    ``since``: when a model was first heard of. Its doors come and go, so their own age says nothing.
    """
    held: dict[int, Door] = {}
    late: list[Door] = []
    for door in sorted(doors, key=lambda door: (since.get(door.key, door.since), door.key)):
        if held.setdefault(door.port, door) is not door:
            late.append(door)
    return held, late


def _read(raw: Raw) -> Door | Pods | None:
    meta = raw["metadata"]
    labels = meta["labels"]
    key = (meta["namespace"], labels[OWNER_LABEL])
    if labels[SLICE_SERVICE] != key[1]:
        return None
    if labels[SLICE_MANAGED_BY] == SLICE_MANAGER:
        return _door(key, raw)
    if labels[SLICE_MANAGED_BY] == ENDPOINT_CONTROLLER:
        return Pods(key, frozenset(_backends(raw, key[0])), meta["creationTimestamp"])
    return None


def _door(key: Key, raw: Raw) -> Door | None:
    (port,) = (port["port"] for port in raw["ports"])
    if port not in ACTIVATOR_PORTS:
        return None
    meta = raw["metadata"]
    notes = meta.get("annotations") or {}
    return Door(
        key,
        port,
        notes.get(SERVED_NAME, key[1]),
        notes.get(API_KEY) == "true",
        meta["creationTimestamp"],
        frozenset(address for endpoint in raw.get("endpoints") or () for address in endpoint["addresses"]),
    )


def _backends(raw: Raw, namespace: str) -> Iterable[Backend]:
    """The ready endpoints that are pods of the model's own namespace.

    Any address could be written into a slice by hand. We are not to reach for a tenant what a NetworkPolicy keeps from
    it.
    """
    port = _port(raw.get("ports") or ())
    if port is None or raw["addressType"] not in ("IPv4", "IPv6"):
        return
    for endpoint in raw.get("endpoints") or ():
        target = endpoint.get("targetRef") or {}
        # Unknown is to be read as ready: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
        ready = (endpoint.get("conditions") or {}).get("ready") is not False
        if ready and target.get("kind") == "Pod" and target.get("namespace") == namespace:
            yield Backend(_address(endpoint["addresses"][0]), port)


def _address(text: str) -> str:
    """An IP address that a pod can have. Raises ValueError: it will stand in a URL."""
    address = ip_address(text)
    if not isinstance(text, str) or "%" in text or address.is_link_local or address.is_multicast:
        raise ValueError(f"{address} is no address of a pod")
    return text


def _port(ports: Iterable[Raw]) -> int | None:
    given = {port.get("name") or "": port["port"] for port in ports}
    found = given["http"] if "http" in given else next(iter(given.values()), None)
    return found if isinstance(found, int) and 0 < found < 65536 else None
