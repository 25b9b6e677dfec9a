"""The API server as the activator sees it: EndpointSlices in memory, listed and watched, with a count of both."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from modelberth.manifests.names import (
    API_KEY,
    OWNER_LABEL,
    SERVED_NAME,
    SLICE_MANAGED_BY,
    SLICE_MANAGER,
    SLICE_SERVICE,
    slice_name,
)

Raw = dict[str, Any]
CONTROLLER = "endpointslice-controller.k8s.io"


def door_slice(key: tuple[str, str], port: int, made: str = "2026-01-01T00:00:00Z", **notes: str) -> Raw:
    """As the operator writes it."""
    namespace, name = key
    labels = {SLICE_SERVICE: name, SLICE_MANAGED_BY: SLICE_MANAGER, OWNER_LABEL: name}
    annotations = {SERVED_NAME: notes.get("served", name), **({API_KEY: "true"} if notes.get("api_key") else {})}
    return {
        "metadata": {
            "namespace": namespace,
            "name": slice_name(name),
            "labels": labels,
            "annotations": annotations,
            "creationTimestamp": made,
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP", "appProtocol": "http"}],
        "endpoints": [{"addresses": ["10.0.0.9"], "conditions": {"ready": True}, "nodeName": "node"}],
    }


def pod_slice(key: tuple[str, str], port: int | None = None, made: str = "2026-01-01T00:00:00Z") -> Raw:
    """As the endpoint controller writes it; None: there is no pod."""
    namespace, name = key
    pod = {"kind": "Pod", "namespace": namespace, "name": f"{name}-0"}
    return {
        "metadata": {
            "namespace": namespace,
            "name": f"{name}-{port}",
            "labels": {SLICE_SERVICE: name, SLICE_MANAGED_BY: CONTROLLER, OWNER_LABEL: name},
            "creationTimestamp": made,
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}] if port else None,
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}, "targetRef": pod}] if port else None,
    }


@dataclass
class FakeSlices:
    """``modelberth.ports.watching.Watchable``."""

    objects: dict[tuple[str, str], Raw] = field(default_factory=dict)
    calls: "Counter[str]" = field(default_factory=Counter)
    version: int = 1
    _log: list[tuple[int, str, Raw]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, *raws: Raw) -> None:
        for raw in raws:
            self._tell("MODIFIED", raw)
            self.objects[raw["metadata"]["namespace"], raw["metadata"]["name"]] = raw

    def delete(self, *raws: Raw) -> None:
        for raw in raws:
            self._tell("DELETED", raw)
            del self.objects[raw["metadata"]["namespace"], raw["metadata"]["name"]]

    async def pages(self, kind: str, namespace: str | None, selector: str) -> AsyncIterator[Raw]:
        self._called("list", kind, selector)
        items = [raw for (at, _), raw in self.objects.items() if namespace in (None, at)]
        half = len(items) // 2
        for page in (items[:half], items[half:]):
            yield {"metadata": {"resourceVersion": str(self.version)}, "items": page}

    async def watch(self, kind: str, namespace: str | None, selector: str, version: str) -> AsyncIterator[Raw]:
        self._called("watch", kind, selector)
        seen = int(version)
        while True:
            news = self._news
            for number, event, raw in [one for one in self._log if one[0] > seen]:
                seen = number
                meta = {**raw["metadata"], "resourceVersion": str(number)}
                if namespace in (None, meta["namespace"]):
                    yield {"type": event, "object": {**raw, "metadata": meta}}
            if news is self._news:
                await news.wait()

    def _called(self, verb: str, kind: str, selector: str) -> None:
        assert (kind, selector) == ("EndpointSlice", OWNER_LABEL)
        self.calls[verb] += 1

    def _tell(self, event: str, raw: Raw) -> None:
        self.version += 1
        self._log.append((self.version, event, raw))
        self._news.set()
        self._news = asyncio.Event()
