"""List and watch, for ever: what a cache of one kind is fed from. Outside the operator's runtime, which has kopf."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from modelberth.ports.kube import ApiError, Raw

log = logging.getLogger(__name__)

BACKOFF_S = 0.2
MAX_BACKOFF_S = 10.0
GONE = 410
"""The version is too old to watch from: https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses"""


class Watchable(Protocol):
    """The part of the API server that is needed here; ``ports.kube.KubeApi`` is one."""

    def pages(self, kind: str, namespace: str | None, selector: str) -> AsyncIterator[Raw]: ...

    def watch(self, kind: str, namespace: str | None, selector: str, version: str) -> AsyncIterator[Raw]: ...


@dataclass(frozen=True)
class Listed:
    """All there is: what is not in it is gone."""

    objects: tuple[Raw, ...]


@dataclass(frozen=True)
class Changed:
    """One object is as it is here, or gone."""

    object: Raw
    gone: bool


async def watching(kube: Watchable, kind: str, namespace: str | None, selector: str) -> AsyncIterator[Listed | Changed]:
    """First a Listed, then what changes; another Listed after a gap. Never ends, never raises ApiError.

    ``namespace`` None is the whole cluster. Failures are logged and tried again, with a growing pause up to 10 s.
    """
    version, pause = "", BACKOFF_S
    while True:
        try:
            if not version:
                # Only a whole list has a version: one that broke off between two pages says nothing.
                listed = [page async for page in kube.pages(kind, namespace, selector)]
                version = listed[-1]["metadata"]["resourceVersion"]
                yield Listed(tuple(raw for page in listed for raw in page["items"]))
            async for event in kube.watch(kind, namespace, selector, version):
                version, pause = event["object"]["metadata"]["resourceVersion"], BACKOFF_S
                if event["type"] != "BOOKMARK":
                    yield Changed(event["object"], gone=event["type"] == "DELETED")
        except (ApiError, LookupError, TypeError) as error:
            if isinstance(error, ApiError) and error.status == GONE:
                version = ""
            else:
                log.warning("watch of %s in %s: %s", kind, namespace or "all namespaces", error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, MAX_BACKOFF_S)
