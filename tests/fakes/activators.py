"""Activators that hold what a test says."""

from dataclasses import dataclass, field

from modelberth.ports.activators import Peer
from modelberth.scaling.subject import Key


@dataclass
class FakeActivators:
    """Two on two nodes, holding nothing."""

    addresses: tuple[Peer, ...] = (Peer("10.1.0.1", "node-a"), Peer("10.1.0.2", "node-b"))
    holding: dict[Key, int] = field(default_factory=dict)

    def held(self, key: Key) -> int:
        return self.holding.get(key, 0)
