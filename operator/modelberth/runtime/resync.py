"""Lists every kind: before the first reconcile, every few minutes, and soon after a watch was started again.

A watch that is started again (410 Gone) lists what is there and says nothing of what went meanwhile: without a prune
the store would hold that as a ghost, and nobody would put a deleted child back.
"""

import asyncio
import logging
from collections.abc import Callable

from modelberth.ports.kube import ApiError, KubeApi
from modelberth.runtime.store import Key, Raw, Store
from modelberth.runtime.watch import SELECTORS, WATCHED, key_of

log = logging.getLogger(__name__)

PERIOD_S = 480.0
SOON_S = 3.0
"""What ends one watch (a new API server) mostly ends them all: one prune is for all of them."""


async def prime(kube: KubeApi, store: Store, namespaces: list[str]) -> None:
    """Fills the store, so that the first reconcile of each resource sees all of it: a restart then writes nothing."""
    for kind in WATCHED:
        await _list(kube, store, kind, namespaces)


async def keep_in_sync(
    kube: KubeApi, store: Store, namespaces: list[str], add: Callable[[Key], None], stale: asyncio.Event
) -> None:
    """SOON_S after ``stale`` was set: list and prune. Every PERIOD_S: that, and look at every resource again, which
    applies only what differs."""
    while True:
        hurried = await _set_within(PERIOD_S, stale)
        if hurried:
            await asyncio.sleep(SOON_S)
        stale.clear()
        try:
            for kind in WATCHED:
                for raw in await _list(kube, store, kind, namespaces):
                    if key := key_of(kind, raw):
                        add(key)
        except ApiError as error:
            log.warning("resync put off: %s", error.message)
            stale.set()
            continue
        if not hurried:
            for key in store.resources():
                add(key)


async def _set_within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def _list(kube: KubeApi, store: Store, kind: str, namespaces: list[str]) -> list[Raw]:
    """News and ghosts. When the watch brings the same news they are none any more: who lists has to pass them on."""
    before = store.newest(kind)
    listed: list[Key] = []
    news: list[Raw] = []
    scopes: list[str | None] = [*namespaces] or [None]
    for namespace in scopes:
        async for raw in kube.list(kind, namespace, SELECTORS[kind]):
            listed.append((raw["metadata"]["namespace"], raw["metadata"]["name"]))
            if store.remember(kind, raw):
                news.append(raw)
    return [*news, *store.prune(kind, listed, before)]
