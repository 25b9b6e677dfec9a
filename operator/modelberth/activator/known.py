"""All slices that are known, and what follows from them."""

from collections import defaultdict
from collections.abc import Iterable

from modelberth.activator.slices import Backend, Door, Key, Pods, Raw, read

Id = tuple[str, str]
"""namespace, name of a slice"""


class Known:
    """A cache of slices, fed by watches: one per scope (a namespace, or None for the cluster)."""

    def __init__(self) -> None:
        self._slices: dict[Id, Door | Pods] = {}

    def listed(self, scope: str | None, objects: Iterable[Raw]) -> None:
        """All that is in the scope now."""
        for known in [known for known in self._slices if scope in (None, known[0])]:
            del self._slices[known]
        for raw in objects:
            self.changed(raw, gone=False)

    def changed(self, raw: Raw, gone: bool) -> None:
        meta = raw["metadata"]
        meaning = None if gone else read(raw)
        if meaning is None:
            self._slices.pop((meta["namespace"], meta["name"]), None)
        else:
            self._slices[meta["namespace"], meta["name"]] = meaning

    def doors(self) -> list[Door]:
        return [known for known in self._slices.values() if isinstance(known, Door)]

    def ready(self) -> dict[Key, frozenset[Backend]]:
        """Ready pods by model; only models that have some."""
        ready: defaultdict[Key, frozenset[Backend]] = defaultdict(frozenset)
        for known in self._slices.values():
            if isinstance(known, Pods) and known.backends:
                ready[known.key] |= known.backends
        return dict(ready)

    def since(self) -> dict[Key, str]:
        """When the oldest slice of each model was made."""
        oldest: dict[Key, str] = {}
        for known in self._slices.values():
            oldest[known.key] = min(oldest.get(known.key, known.since), known.since)
        return oldest
