"""What the operator asked of the API server, counted from the server's own audit log."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OPERATOR = "system:serviceaccount:modelberth-system:modelberth"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
APART = {"leases", "events"}
"""Resources that are counted apart: the leader's heartbeat, and the courtesy of Events."""


@dataclass
class Audit:
    """Reads the log from where it stands now. An empty ``user`` is everyone."""

    path: Path
    user: str = OPERATOR
    _position: int = field(init=False)

    def __post_init__(self) -> None:
        self._position = self.path.stat().st_size

    def entries(self) -> list[dict[str, Any]]:
        """Requests of the user since the start or the last call."""
        with self.path.open("rb") as log:
            log.seek(self._position)
            lines = log.readlines()
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        self._position += sum(map(len, lines))
        parsed = (json.loads(line) for line in lines)
        return [entry for entry in parsed if not self.user or entry["user"]["username"] == self.user]

    def writes(self, namespace: str | None = None) -> Counter[str]:
        """Writes since the last call as ``verb resource[/subresource]`` -> number, without leases and Events."""
        return counted(self.entries(), namespace)


def counted(entries: list[dict[str, Any]], namespace: str | None = None) -> Counter[str]:
    """The writes among the entries, in one namespace or in all."""
    writes: Counter[str] = Counter()
    for entry in entries:
        target = entry.get("objectRef") or {}
        if entry["verb"] not in WRITES or target.get("resource") in APART:
            continue
        if namespace is None or target.get("namespace") == namespace:
            name = "/".join(filter(None, (target.get("resource"), target.get("subresource"))))
            writes[f"{entry['verb']} {name}"] += 1
    return writes
