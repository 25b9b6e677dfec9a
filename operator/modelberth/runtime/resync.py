"""Lists every kind: once before the first reconcile, and every few minutes to prune what a watch missed."""

import asyncio
import logging
from collections.abc import Callable

from modelberth.ports.kube import ApiError, KubeApi
from modelberth.runtime.store import Key, Store, owner_key
from modelberth.runtime.watch import SELECTORS, WATCHED

log = logging.getLogger(__name__)

PERIOD_S = 480.0


async def prime(kube: KubeApi, store: Store, namespaces: list[str]) -> None:
    """Fills the store, so that the first reconcile of each resource sees all of it: a restart then writes nothing."""
    for kind in WATCHED:
        await _list(kube, store, kind, namespaces)


async def keep_in_sync(kube: KubeApi, store: Store, namespaces: list[str], add: Callable[[Key], None]) -> None:
    """Every PERIOD_S: list, prune ghosts, and look at every resource again. It applies only what differs."""
    while True:
        await asyncio.sleep(PERIOD_S)
        try:
            for kind in WATCHED:
                for ghost in await _list(kube, store, kind, namespaces):
                    if key := owner_key(ghost):
                        add(key)
        except ApiError as error:
            log.warning("resync put off: %s", error.message)
            continue
        for key in store.resources():
            add(key)


async def _list(kube: KubeApi, store: Store, kind: str, namespaces: list[str]) -> list[dict[str, object]]:
    before = store.newest(kind)
    listed: list[Key] = []
    scopes: list[str | None] = [*namespaces] or [None]
    for namespace in scopes:
        async for raw in kube.list(kind, namespace, SELECTORS[kind]):
            listed.append((raw["metadata"]["namespace"], raw["metadata"]["name"]))
            store.remember(kind, raw)
    return store.prune(kind, listed, before)
