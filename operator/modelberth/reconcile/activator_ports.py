"""The activator's port of each model: one for life, no other's.

It is kept in the status and in our slice, which tenants cannot write. Whoever could choose a model's port would get the
requests of the model that has it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from modelberth.api.meta import KIND
from modelberth.manifests.activator_slice import free_port
from modelberth.manifests.names import ACTIVATOR_PORTS
from modelberth.reconcile.observed import Observed, Raw, owned_by
from modelberth.reconcile.timers import Key


class Objects(Protocol):
    """The store, as far as it tells which ports are taken."""

    def all(self, kind: str) -> Iterable[Raw]: ...


@dataclass
class ActivatorPorts:
    """Ports by ModelDeployment."""

    objects: Objects
    _ports: dict[Key, int] = field(default_factory=dict)

    def of(self, key: Key, observed: Observed) -> int:
        """The port of this model, a new one where it has none. Raises RuntimeError where all are taken."""
        if key not in self._ports:
            others = set(self._ports.values())
            known = next((port for port in _known(observed) if port not in others), None)
            self._ports[key] = known or free_port(observed.uid, others | set(self._claimed()))
        return self._ports[key]

    def has(self, key: Key, observed: Observed) -> bool:
        """Whether this model has one already."""
        return key in self._ports or next(_known(observed), None) is not None

    def forget(self, key: Key) -> None:
        """The ModelDeployment is gone."""
        self._ports.pop(key, None)

    def _claimed(self) -> Iterator[int]:
        for resource in self.objects.all(KIND):
            yield from _port(_record(resource).get("activatorPort"))
        # Also slices that others made: who claims a port first would get the requests of its next owner.
        for raw in self.objects.all("EndpointSlice"):
            for given in raw.get("ports") or ():
                yield from _port(given.get("port"))


def _known(observed: Observed) -> Iterator[int]:
    """What the status says; or the slice, if its operator died before it could write the status."""
    yield from _port(_record(observed.resource).get("activatorPort"))
    made = observed.children.get("EndpointSlice")
    if made is not None and owned_by(made, observed.uid):
        for given in made.get("ports") or ():
            yield from _port(given.get("port"))


def _record(resource: Raw) -> dict[str, Any]:
    return (resource.get("status") or {}).get("autoscaling") or {}


def _port(value: Any) -> Iterator[int]:
    if isinstance(value, int) and value in ACTIVATOR_PORTS:
        yield value
